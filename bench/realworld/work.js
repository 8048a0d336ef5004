// Calls, objects, strings, closures and floating point in one script, with results printed to compare.
function fib(n) {
  return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

function sieve(limit) {
  var composite = new Uint8Array(limit + 1);
  var count = 0;
  for (var i = 2; i <= limit; i++) {
    if (composite[i]) continue;
    count++;
    for (var j = i * 2; j <= limit; j += i) composite[j] = 1;
  }
  return count;
}

function words(count) {
  var seen = {};
  var state = 42;
  for (var i = 0; i < count; i++) {
    state = (state * 16807) % 2147483647;
    var word = "w" + (state % 997).toString(16);
    seen[word] = (seen[word] || 0) + 1;
  }
  var list = Object.keys(seen).sort();
  var text = list.map(function (word) { return word + ":" + seen[word]; }).join(" ");
  return list.length + " " + text.length + " " + text.split("7").length + " " + JSON.stringify(seen).length;
}

function Point(x, y) {
  this.x = x;
  this.y = y;
}
Point.prototype.step = function (dx, dy) {
  return new Point(this.x + dx, this.y + dy);
};

function objects(count) {
  var p = new Point(0, 0);
  for (var i = 1; i <= count; i++) p = p.step((i % 3) - 1, Math.sin(i) * 0.5);
  return p.x + " " + p.y.toFixed(9);
}

print("fib " + fib(25));
print("sieve " + sieve(1000000));
print("words " + words(60000));
print("objects " + objects(150000));
