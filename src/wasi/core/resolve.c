#include "wasi/core/resolve.h"

#include "os/clock.h"
#include "os/thread.h"

#include <netdb.h>
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>

enum { THREADS_MAX = 16, WAITING_MAX = 1024, HOST_MAX_BYTES = 255, IDLE_SECONDS = 10 };

/* Owned by the queue, then by the thread that works on it, then by the loop that is told. */
struct sw_resolve {
    sw_loop_job job;
    sw_loop *loop;
    sw_resolve *next;
    sw_resolve_fn *fn;
    void *arg;
    bool is_posted, is_cancelled; /* under the lock */
    sw_resolve_answer answer;
    char host[HOST_MAX_BYTES + 1];
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    sw_resolve *first, *last;
    unsigned waiting, threads, idle;
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* ---- Without a question ---------------------------------------------------------------------- */

static sw_str without_brackets(sw_str s)
{
    bool has = s.len > 2 && s.ptr[0] == '[' && s.ptr[s.len - 1] == ']';
    return has ? sw_str_slice(s, 1, s.len - 2) : s;
}

bool sw_resolve_locally(sw_str host, sw_resolve_answer *ret_answer)
{
    sw_resolve_answer answer = {.count = 1};
    if (sw_host_is_localhost(host)) {
        answer.count = 2;
        answer.ips[0] = (sw_ip){
            .bytes = {127, 0, 0, 1}
        };
        answer.ips[1] = (sw_ip){.bytes = {[15] = 1}, .is_v6 = true};
    } else if (!sw_ip_parse(without_brackets(host), &answer.ips[0])) {
        return false;
    }
    *ret_answer = answer;
    return true;
}

/* ---- The threads ----------------------------------------------------------------------------- */

static sw_resolve_result result_of(int error)
{
    switch (error) {
    case 0: return SW_RESOLVED;
    case EAI_NONAME:
    case EAI_NODATA:
    case EAI_ADDRFAMILY: return SW_RESOLVE_NOT_FOUND;
    case EAI_AGAIN: return SW_RESOLVE_AGAIN;
    default: return SW_RESOLVE_FAILED;
    }
}

static void ask(sw_resolve *r)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *list = NULL;
    r->answer.result = result_of(getaddrinfo(r->host, NULL, &hints, &list));
    if (r->answer.result != SW_RESOLVED) {
        return;
    }
    for (struct addrinfo *a = list; a != NULL && r->answer.count < SW_RESOLVE_MAX; a = a->ai_next) {
        r->answer.count += sw_ip_of_sockaddr(a->ai_addr, &r->answer.ips[r->answer.count]);
    }
    freeaddrinfo(list);
    if (r->answer.count == 0) {
        r->answer.result = SW_RESOLVE_NOT_FOUND;
    }
}

static sw_resolve *take_first(void)
{
    sw_resolve *r = queue.first;
    queue.first = r->next;
    queue.last = queue.first == NULL ? NULL : queue.last;
    queue.waiting--;
    return r;
}

/* Waits for a question; NULL: none came for long. */
static sw_resolve *await_question(void)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += IDLE_SECONDS;
    queue.idle++;
    while (queue.first == NULL) {
        if (pthread_cond_timedwait(&queue.changed, &queue.lock, &until) != 0) {
            break;
        }
    }
    queue.idle--;
    return queue.first == NULL ? NULL : take_first();
}

static void *work(void *unused)
{
    (void)unused;
    sw_resolve *r;
    (void)pthread_mutex_lock(&queue.lock);
    while ((r = await_question()) != NULL) {
        if (!r->is_cancelled) {
            (void)pthread_mutex_unlock(&queue.lock);
            ask(r);
            (void)pthread_mutex_lock(&queue.lock);
        }
        if (r->is_cancelled) {
            sw_free(NULL, r, sizeof *r);
        } else {
            r->is_posted = true;
            sw_loop_post(r->loop, &r->job);
        }
    }
    queue.threads--;
    (void)pthread_mutex_unlock(&queue.lock);
    return NULL;
}

/* One thread more, unless an idle one will take the question or there are enough. */
static bool has_thread(void)
{
    if (queue.idle < queue.waiting && queue.threads < THREADS_MAX &&
        sw_thread_start_detached(work, NULL) == SW_OK) {
        queue.threads++;
    }
    return queue.threads != 0;
}

/* ---- Questions ------------------------------------------------------------------------------- */

static void tell(sw_loop_job *job)
{
    sw_resolve *r = SW_CONTAINER_OF(job, sw_resolve, job);
    sw_resolve_fn *fn = r->fn;
    void *arg = r->arg;
    sw_resolve_answer answer = r->answer;
    sw_free(NULL, r, sizeof *r);
    fn(arg, &answer);
}

sw_status sw_resolve_start(sw_loop *loop, sw_str host, sw_resolve_fn *fn, void *arg,
                           sw_resolve **ret_resolve)
{
    if (host.len == 0 || host.len > HOST_MAX_BYTES || memchr(host.ptr, '\0', host.len) != NULL) {
        return SW_ARGUMENT;
    }
    sw_resolve *r = sw_alloc(NULL, sizeof *r);
    if (r == NULL) {
        return SW_NO_MEMORY;
    }
    r->job.fn = tell;
    r->loop = loop;
    r->fn = fn;
    r->arg = arg;
    memcpy(r->host, host.ptr, host.len);
    (void)pthread_mutex_lock(&queue.lock);
    bool has_room = queue.waiting < WAITING_MAX;
    queue.waiting += has_room;
    bool is_taken = has_room && has_thread();
    if (is_taken) {
        *(queue.last == NULL ? &queue.first : &queue.last->next) = r;
        queue.last = r;
        (void)pthread_cond_signal(&queue.changed);
    } else {
        queue.waiting -= has_room;
        sw_free(NULL, r, sizeof *r);
    }
    (void)pthread_mutex_unlock(&queue.lock);
    if (!is_taken) {
        return SW_LIMIT;
    }
    *ret_resolve = r;
    return SW_OK;
}

void sw_resolve_cancel(sw_resolve *r)
{
    (void)pthread_mutex_lock(&queue.lock);
    r->is_cancelled = true;
    bool is_ours = r->is_posted;
    (void)pthread_mutex_unlock(&queue.lock);
    if (is_ours) {
        sw_loop_cancel(r->loop, &r->job);
        sw_free(NULL, r, sizeof *r);
    }
}
