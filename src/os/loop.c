/*
 * The loop knows a descriptor by its number: a table holds, for each, the watches and what epoll
 * was asked. An event that is fetched but not yet told carries the generation of the table's entry,
 * so that one for a descriptor that was unwatched, closed and opened again meanwhile is dropped.
 *
 * Posted jobs come in on a stack that any thread can push to without a lock; the first one on an
 * empty stack writes to the event descriptor. It is watched by edges, hence never read.
 */
#include "loop.h"

#include "base/memory.h"
#include "os/clock.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { BATCH_EVENTS = 256, FIRST_ENTRIES = 64 };

#define WAKEUP UINT64_MAX /* an event's data: somebody has posted */

/* What watches can ask for. Each is counted, so that any number of watches of one descriptor, which
 * a guest may bring about, costs each the same. */
static const uint32_t KINDS[] = {EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLPRI, EPOLLET};

enum { KINDS_COUNT = SW_COUNTOF(KINDS), EDGES = KINDS_COUNT - 1 };

typedef struct entry {
    sw_watch *watches;
    uint32_t wanted_count[KINDS_COUNT]; /* watches that ask for it */
    uint32_t watches_count;
    uint32_t events;     /* what epoll was asked for */
    bool is_registered;  /* with epoll, maybe for no event */
    uint32_t generation; /* grows whenever the descriptor leaves epoll */
} entry;

typedef struct job_list {
    sw_loop_job *first, *last;
} job_list;

struct sw_loop {
    int epoll_fd, wakeup_fd; /* owned */
    entry *entries;          /* owned; by descriptor */
    size_t entries_count;
    sw_watch *always_ready;
    sw_watch *cursor; /* the watch to be told next; unwatching it moves on */
    sw_heap_node *timers;
    job_list jobs, next_jobs;
    _Atomic(sw_loop_job *) posted; /* the newest first */
    uint64_t now_ns;
    int batch_at, batch_count; /* fetched events that are not told yet */
    bool is_turning, is_stopped, was_refilled;
    bool lacks_pwait2; /* the system waits by milliseconds only */
    struct epoll_event batch[BATCH_EVENTS];
};

sw_status sw_loop_new(sw_loop **ret_loop, sw_diag *diag)
{
    sw_loop *l = sw_alloc(NULL, sizeof *l);
    if (l == NULL) {
        return sw_fail(diag, SW_NO_MEMORY, SW_NO_OFFSET, "event loop");
    }
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u64 = WAKEUP};
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    l->wakeup_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (l->epoll_fd < 0 || l->wakeup_fd < 0 ||
        epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, l->wakeup_fd, &event) != 0) {
        sw_status st = sw_fail(diag, SW_IO, SW_NO_OFFSET, "event loop: %s", strerrordesc_np(errno));
        sw_loop_free(l);
        return st;
    }
    l->now_ns = sw_clock_monotonic_ns();
    *ret_loop = l;
    return SW_OK;
}

void sw_loop_free(sw_loop *l)
{
    if (l == NULL) {
        return;
    }
    SW_CHECK(!l->is_turning);
    if (l->epoll_fd >= 0) {
        (void)close(l->epoll_fd);
    }
    if (l->wakeup_fd >= 0) {
        (void)close(l->wakeup_fd);
    }
    sw_free(NULL, l->entries, l->entries_count * sizeof *l->entries);
    sw_free(NULL, l, sizeof *l);
}

uint64_t sw_loop_now(const sw_loop *l)
{
    return l->now_ns;
}

bool sw_loop_is_turning(const sw_loop *l)
{
    return l->is_turning;
}

/* ---- Descriptors ----------------------------------------------------------------------------- */

static void link_watch(sw_watch **first, sw_watch *w)
{
    w->prev = NULL;
    w->next = *first;
    if (*first != NULL) {
        (*first)->prev = w;
    }
    *first = w;
}

static void unlink_watch(sw_loop *l, sw_watch **first, sw_watch *w)
{
    if (l->cursor == w) {
        l->cursor = w->next;
    }
    if (w->prev != NULL) {
        w->prev->next = w->next;
    } else {
        *first = w->next;
    }
    if (w->next != NULL) {
        w->next->prev = w->prev;
    }
    w->next = w->prev = NULL;
}

static bool make_entry(sw_loop *l, int fd)
{
    size_t count = l->entries_count;
    if ((size_t)fd < count) {
        return true;
    }
    size_t wanted = SW_MAX(count * 2, (size_t)FIRST_ENTRIES);
    wanted = SW_MAX(wanted, (size_t)fd + 1);
    entry *entries =
        sw_realloc(NULL, l->entries, count * sizeof *entries, wanted * sizeof *entries);
    if (entries == NULL) {
        return false;
    }
    l->entries = entries;
    l->entries_count = wanted;
    return true;
}

static uint32_t wanted_events(const entry *e)
{
    uint32_t events = e->wanted_count[EDGES] == e->watches_count ? EPOLLET : 0;
    for (int i = 0; i < EDGES; i++) {
        events |= e->wanted_count[i] != 0 ? KINDS[i] : 0;
    }
    return events;
}

/* by: 1, or -1 as an unsigned number. */
static void count_kinds(entry *e, uint32_t events, uint32_t by)
{
    for (int i = 0; i < KINDS_COUNT; i++) {
        e->wanted_count[i] += (events & KINDS[i]) != 0 ? by : 0;
    }
}

static void enter_watch(entry *e, sw_watch *w)
{
    link_watch(&e->watches, w);
    count_kinds(e, w->events, 1);
    e->watches_count++;
}

static void remove_watch(sw_loop *l, entry *e, sw_watch *w)
{
    unlink_watch(l, &e->watches, w);
    count_kinds(e, w->events, UINT32_MAX);
    e->watches_count--;
}

static void change_events(entry *e, sw_watch *w, uint32_t events)
{
    count_kinds(e, w->events, UINT32_MAX);
    count_kinds(e, events, 1);
    w->events = events;
}

/* Tells epoll what the watches of a descriptor want. False: it refused. */
static bool update(sw_loop *l, int fd, bool begin_anew)
{
    entry *e = &l->entries[fd];
    uint32_t events = wanted_events(e);
    if (e->is_registered && e->watches != NULL && events == e->events && !begin_anew) {
        return true;
    }
    if (e->watches == NULL) {
        /* Fails for a descriptor that was closed too early, which epoll has forgotten by itself. */
        (void)epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, fd, &(struct epoll_event){0});
        e->is_registered = false;
        e->generation++;
        return true;
    }
    struct epoll_event event = {.events = events,
                                .data.u64 = (uint64_t)e->generation << 32 | (uint32_t)fd};
    int op = e->is_registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (epoll_ctl(l->epoll_fd, op, fd, &event) != 0) {
        return false;
    }
    e->events = events;
    e->is_registered = true;
    return true;
}

sw_status sw_loop_watch(sw_loop *l, sw_watch *w, int fd, uint32_t events, sw_watch_fn fn)
{
    assert(w->fn == NULL && fn != NULL);
    if (fd < 0 || !make_entry(l, fd)) {
        errno = fd < 0 ? EBADF : ENOMEM;
        return fd < 0 ? SW_IO : SW_NO_MEMORY;
    }
    entry *e = &l->entries[fd];
    *w = (sw_watch){.fn = fn, .events = events, .fd = fd};
    enter_watch(e, w);
    if (update(l, fd, (events & EPOLLET) != 0)) {
        return SW_OK;
    }
    remove_watch(l, e, w);
    if (errno != EPERM) {
        w->fn = NULL;
        return SW_IO;
    }
    w->is_always_ready = true;
    link_watch(&l->always_ready, w);
    return SW_OK;
}

bool sw_loop_rewatch(sw_loop *l, sw_watch *w, uint32_t events)
{
    assert(w->fn != NULL);
    uint32_t before = w->events;
    if (w->is_always_ready) {
        w->events = events;
        return true;
    }
    change_events(&l->entries[w->fd], w, events);
    if (update(l, w->fd, (events & EPOLLET) != 0)) {
        return true;
    }
    change_events(&l->entries[w->fd], w, before);
    return false;
}

void sw_loop_unwatch(sw_loop *l, sw_watch *w)
{
    if (w->fn == NULL) {
        return;
    }
    w->fn = NULL;
    if (w->is_always_ready) {
        unlink_watch(l, &l->always_ready, w);
        return;
    }
    remove_watch(l, &l->entries[w->fd], w);
    (void)update(l, w->fd, false);
}

/* ---- Points in time -------------------------------------------------------------------------- */

void sw_loop_timer_stop(sw_loop *l, sw_loop_timer *t)
{
    if (t->fn != NULL) {
        t->fn = NULL;
        sw_heap_take(&l->timers, &t->node);
    }
}

/* One that is put off stays where it is in the heap, and is put in anew when that time has come.
 * One that is due already must not keep this turn from ending: it is for the next. */
void sw_loop_timer_start(sw_loop *l, sw_loop_timer *t, uint64_t deadline_ns, sw_loop_timer_fn fn)
{
    if (t->fn != NULL && (deadline_ns < t->node.key || deadline_ns == SW_NEVER)) {
        sw_loop_timer_stop(l, t);
    }
    bool is_new = t->fn == NULL;
    if (deadline_ns == SW_NEVER) {
        return;
    }
    if (l->is_turning && deadline_ns <= l->now_ns) {
        deadline_ns = l->now_ns + 1;
    }
    t->deadline_ns = deadline_ns;
    t->fn = fn;
    if (is_new) {
        t->node.key = deadline_ns;
        sw_heap_put(&l->timers, &t->node);
    }
}

static void run_timers(sw_loop *l)
{
    while (l->timers != NULL && l->timers->key <= l->now_ns) {
        sw_loop_timer *t = SW_CONTAINER_OF(l->timers, sw_loop_timer, node);
        sw_heap_take(&l->timers, &t->node);
        if (t->deadline_ns != t->node.key) {
            t->node.key = t->deadline_ns;
            sw_heap_put(&l->timers, &t->node);
            continue;
        }
        sw_loop_timer_fn fn = t->fn;
        t->fn = NULL;
        fn(t);
    }
}

/* ---- Jobs ------------------------------------------------------------------------------------ */

static void append(job_list *list, sw_loop_job *job)
{
    job->next = NULL;
    job->prev = list->last;
    if (list->last != NULL) {
        list->last->next = job;
    } else {
        list->first = job;
    }
    list->last = job;
}

static void take_job(job_list *list, sw_loop_job *job)
{
    if (job->prev != NULL) {
        job->prev->next = job->next;
    } else {
        list->first = job->next;
    }
    if (job->next != NULL) {
        job->next->prev = job->prev;
    } else {
        list->last = job->prev;
    }
    job->next = job->prev = NULL;
}

/* True: it was not waiting, and is the caller's to queue. */
static bool claim(sw_loop_job *job)
{
    return !atomic_exchange_explicit(&job->is_waiting, true, memory_order_acq_rel);
}

void sw_loop_defer(sw_loop *l, sw_loop_job *job)
{
    if (claim(job)) {
        append(&l->jobs, job);
    }
}

void sw_loop_defer_next(sw_loop *l, sw_loop_job *job)
{
    if (claim(job)) {
        append(&l->next_jobs, job);
    }
}

void sw_loop_post(sw_loop *l, sw_loop_job *job)
{
    static const uint64_t one = 1;
    if (!claim(job)) {
        return;
    }
    sw_loop_job *head = atomic_load_explicit(&l->posted, memory_order_relaxed);
    do {
        job->next = head;
    } while (!atomic_compare_exchange_weak_explicit(&l->posted, &head, job, memory_order_release,
                                                    memory_order_relaxed));
    if (head == NULL) {
        int before = errno;
        /* Fails only when the counter is full: then the loop is awake. */
        ssize_t unused = write(l->wakeup_fd, &one, sizeof one);
        (void)unused;
        errno = before;
    }
}

/* Puts what was posted behind the jobs that are waiting, the oldest first. */
static void accept_posted(sw_loop *l)
{
    sw_loop_job *job = atomic_exchange_explicit(&l->posted, NULL, memory_order_acquire);
    sw_loop_job *oldest = NULL;
    while (job != NULL) {
        sw_loop_job *next = job->next;
        job->next = oldest;
        oldest = job;
        job = next;
    }
    while (oldest != NULL) {
        sw_loop_job *next = oldest->next;
        append(&l->jobs, oldest);
        oldest = next;
    }
}

static void accept_next(sw_loop *l)
{
    while (l->next_jobs.first != NULL) {
        sw_loop_job *job = l->next_jobs.first;
        take_job(&l->next_jobs, job);
        append(&l->jobs, job);
    }
}

static bool is_in(const job_list *list, const sw_loop_job *job)
{
    const sw_loop_job *at = list->first;
    while (at != NULL && at != job) {
        at = at->next;
    }
    return at != NULL;
}

void sw_loop_cancel(sw_loop *l, sw_loop_job *job)
{
    if (!atomic_load_explicit(&job->is_waiting, memory_order_acquire)) {
        return;
    }
    accept_posted(l);
    take_job(is_in(&l->next_jobs, job) ? &l->next_jobs : &l->jobs, job);
    atomic_store_explicit(&job->is_waiting, false, memory_order_release);
}

static void run_jobs(sw_loop *l)
{
    for (;;) {
        if (atomic_load_explicit(&l->posted, memory_order_relaxed) != NULL) {
            accept_posted(l);
        }
        sw_loop_job *job = l->jobs.first;
        if (job == NULL) {
            return;
        }
        take_job(&l->jobs, job);
        /* Whoever posts it from here on sees it run again. */
        (void)atomic_exchange_explicit(&job->is_waiting, false, memory_order_acq_rel);
        job->fn(job);
    }
}

/* ---- Turning --------------------------------------------------------------------------------- */

static int wait_by_ms(sw_loop *l, uint64_t left_ns)
{
    uint64_t ms = left_ns / SW_NS_PER_MS + (left_ns % SW_NS_PER_MS != 0);
    int timeout = left_ns == SW_NEVER ? -1 : (int)SW_MIN(ms, (uint64_t)INT32_MAX);
    return epoll_wait(l->epoll_fd, l->batch, BATCH_EVENTS, timeout);
}

/* Fetches events; SW_NEVER waits without an end. */
static void fetch(sw_loop *l, uint64_t left_ns)
{
    int got;
    if (left_ns == 0 || left_ns == SW_NEVER || l->lacks_pwait2) {
        got = wait_by_ms(l, left_ns);
    } else {
        struct timespec left = {.tv_sec = (time_t)(left_ns / SW_NS_PER_S),
                                .tv_nsec = (long)(left_ns % SW_NS_PER_S)};
        got = epoll_pwait2(l->epoll_fd, l->batch, BATCH_EVENTS, &left, NULL);
        if (got < 0 && (errno == ENOSYS || errno == EPERM)) {
            l->lacks_pwait2 = true;
            got = wait_by_ms(l, left_ns);
        }
    }
    l->batch_at = 0;
    l->batch_count = SW_MAX(got, 0);
}

static bool has_jobs(const sw_loop *l)
{
    return l->jobs.first != NULL || l->next_jobs.first != NULL || l->always_ready != NULL ||
           atomic_load_explicit(&l->posted, memory_order_relaxed) != NULL;
}

static void wait_for_events(sw_loop *l, uint64_t until_ns)
{
    uint64_t left = 0;
    if (l->timers != NULL) {
        until_ns = SW_MIN(until_ns, l->timers->key);
    }
    if (!has_jobs(l) && until_ns != 0) {
        uint64_t now = until_ns == SW_NEVER ? 0 : sw_clock_monotonic_ns();
        left = until_ns == SW_NEVER ? SW_NEVER : until_ns > now ? until_ns - now : 0;
    }
    fetch(l, left);
}

static void tell(sw_loop *l, sw_watch *first, uint32_t events)
{
    for (sw_watch *w = first; w != NULL; w = l->cursor) {
        l->cursor = w->next;
        uint32_t own = events & (w->events | EPOLLERR | EPOLLHUP);
        if (own != 0) {
            w->fn(w, own);
        }
    }
    l->cursor = NULL;
}

static void tell_batch(sw_loop *l)
{
    l->was_refilled = false;
    while (l->batch_at < l->batch_count && !l->was_refilled) {
        const struct epoll_event *event = &l->batch[l->batch_at++];
        uint64_t data = event->data.u64;
        if (data == WAKEUP) {
            continue;
        }
        const entry *e = &l->entries[(uint32_t)data];
        if (e->generation == data >> 32) {
            tell(l, e->watches, event->events);
        }
    }
}

bool sw_loop_has_work(sw_loop *l)
{
    if (l->batch_at < l->batch_count || has_jobs(l)) {
        return true;
    }
    if (l->timers != NULL && l->timers->key <= sw_clock_monotonic_ns()) {
        return true;
    }
    fetch(l, 0);
    l->was_refilled = true;
    return l->batch_count != 0;
}

void sw_loop_turn(sw_loop *l, uint64_t until_ns)
{
    SW_CHECK(!l->is_turning);
    l->is_turning = true;
    if (l->batch_at == l->batch_count) {
        wait_for_events(l, until_ns);
    }
    l->now_ns = sw_clock_monotonic_ns();
    accept_next(l);
    tell_batch(l);
    tell(l, l->always_ready, EPOLLIN | EPOLLOUT);
    run_timers(l);
    run_jobs(l);
    l->is_turning = false;
}

void sw_loop_run(sw_loop *l)
{
    l->is_stopped = false;
    while (!l->is_stopped) {
        sw_loop_turn(l, SW_NEVER);
    }
}

void sw_loop_stop(sw_loop *l)
{
    l->is_stopped = true;
}
