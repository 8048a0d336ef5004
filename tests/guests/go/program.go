// A Go program: its runtime brings a scheduler and a collector of its own into the guest. It prints its
// arguments and environment, works with goroutines, maps and JSON, reads a file, copies stdin, sleeps,
// and ends with the code that the first argument gives.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

func squares(count int) int {
	results := make(chan int)
	var group sync.WaitGroup
	for i := 1; i <= count; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			results <- i * i
		}()
	}
	go func() {
		group.Wait()
		close(results)
	}()
	sum := 0
	for square := range results {
		sum += square
	}
	return sum
}

func words() string {
	seen := map[string]int{}
	for i := range 30000 {
		seen[strconv.Itoa(i*7919%1009)]++
	}
	names := make([]string, 0, len(seen))
	for name := range seen {
		names = append(names, name)
	}
	sort.Strings(names)
	text, _ := json.Marshal(names[:3])
	return fmt.Sprintf("%d %s", len(names), text)
}

func garbage() int {
	kept := 0
	for i := range 200 {
		block := make([]byte, 1<<18)
		block[i] = 1
		kept += int(block[i])
	}
	return kept
}

func recovered() (text string) {
	defer func() { text = fmt.Sprint(recover()) }()
	var none map[string]int
	none["x"] = 1
	return "not reached"
}

func main() {
	fmt.Printf("arguments %q\n", os.Args[1:])
	fmt.Printf("environment %q\n", os.Environ())
	fmt.Println("squares", squares(100))
	fmt.Println("words", words())
	fmt.Println("garbage", garbage())
	fmt.Println("recovered", recovered())

	before := time.Now()
	time.Sleep(20 * time.Millisecond)
	fmt.Println("slept", time.Since(before) >= 20*time.Millisecond)

	if text, err := os.ReadFile("note.txt"); err == nil {
		fmt.Printf("note.txt %q\n", text)
	} else {
		fmt.Println("note.txt refused")
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		fmt.Println("line", strings.ToUpper(lines.Text()))
	}
	if len(os.Args) > 1 {
		if code, err := strconv.Atoi(os.Args[1]); err == nil {
			os.Exit(code)
		}
		if os.Args[1] == "panic" {
			panic("asked to")
		}
	}
}
