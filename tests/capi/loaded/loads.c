/* Ways to load the library: with other flags, by threads that are small, many or gone soon, with all signals blocked, in children, and a
 * second copy of it, as of another version, beside the first. */
#include "host.h"

#include <fcntl.h>
#include <sys/stat.h>

NO_LEAK_CHECK

static void *load_with(const char *path, int flags) {
    void *loaded = dlopen(path, flags);
    if (loaded == NULL) dprintf(results, "# %s\n", dlerror());
    MUST(loaded != NULL);
    return loaded;
}

static void calls(void) {
    llmagg_client *client = healthy_client();
    four_threads_chat(client);
    for (int i = 0; i < 10; i++) chat(client);
}

/* Plugins of hosts that bring libraries of their own are loaded so. */
static void its_own_symbols_first(void) {
    if (SANITIZED) return; /* they refuse the flag */
#ifdef RTLD_DEEPBIND
    library = load_with(LIBRARY, RTLD_NOW | RTLD_DEEPBIND);
    calls();
#endif
}

static void lazily_and_for_everybody(void) {
    library = load_with(LIBRARY, RTLD_LAZY | RTLD_GLOBAL | RTLD_NODELETE);
    MUST(dlsym(RTLD_DEFAULT, "llmagg_version") != NULL);
    calls();
}

static void *loads(void *unused) {
    void *loaded = load_with(LIBRARY, RTLD_NOW);
    llmagg_buf stats = {NULL, 0};
    MUST(((__typeof__(&llmagg_stats))(uintptr_t)dlsym(loaded, "llmagg_stats"))(&stats, NULL) == LLMAGG_OK);
    ((__typeof__(&llmagg_buf_free))(uintptr_t)dlsym(loaded, "llmagg_buf_free"))(&stats);
    __atomic_store_n(&library, loaded, __ATOMIC_SEQ_CST);
    return unused;
}

static void on_threads(int n, size_t stack) {
    pthread_t threads[8];
    pthread_attr_t attr;
    MUST(pthread_attr_init(&attr) == 0 && pthread_attr_setstacksize(&attr, STACK(stack)) == 0);
    for (int i = 0; i < n; i++) MUST(pthread_create(&threads[i], &attr, loads, NULL) == 0);
    for (int i = 0; i < n; i++) MUST(pthread_join(threads[i], NULL) == 0);
}

static void by_a_small_thread_that_ends(void) {
    on_threads(1, 64 << 10);
    calls();
}

static void by_eight_threads_at_once(void) {
    on_threads(8, 256 << 10);
    calls();
}

static void with_every_signal_blocked(void) {
    sigset_t all, after;
    MUST(sigfillset(&all) == 0 && pthread_sigmask(SIG_BLOCK, &all, NULL) == 0);
    load();
    calls();
    MUST(pthread_sigmask(SIG_BLOCK, NULL, &after) == 0);
    for (int s = 1; s < SIGRTMIN; s++) MUST(s == SIGKILL || s == SIGSTOP || s >= 32 || sigismember(&after, s) == 1);
}

/* A server that loads nothing, and children that load for themselves while its threads work. */
static void *works(void *unused) {
    for (;;) free(malloc(100));
    return unused;
}

static void in_children_of_a_host_with_threads(void) {
    pthread_t threads[4];
    if (SANITIZED) return; /* their allocator may be locked in a child */
    for (int i = 0; i < 4; i++) MUST(pthread_create(&threads[i], NULL, works, NULL) == 0);
    for (int i = 0; i < 5; i++) {
        int status = -1;
        pid_t pid = fork();
        if (pid == 0) {
            alarm(20);
            load();
            calls();
            exit(0);
        }
        MUST(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
    }
}

/* A child of a process that has loaded it cannot use it, and is told so however it loads it. */
static void again_in_a_child(void) {
    int status = -1;
    load();
    calls();
    pid_t pid = fork();
    if (pid == 0) {
        llmagg_manager *manager = NULL;
        alarm(20);
        MUST(dlclose(library) == 0);
        load();
        MUST(FN(llmagg_manager_new)(&manager, NULL) == LLMAGG_E_FORKED && manager == NULL);
        MUST(FN(llmagg_abi_version)() == LLMAGG_ABI_VERSION && strcmp(FN(llmagg_version)(), LLMAGG_VERSION) == 0);
        exit(0);
    }
    MUST(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
}

static void copy_to(const char *path) {
    char bytes[65536];
    int from = open(LIBRARY, O_RDONLY | O_CLOEXEC), to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
    MUST(from >= 0 && to >= 0);
    for (ssize_t n; (n = read(from, bytes, sizeof bytes)) > 0;) MUST(write(to, bytes, (size_t)n) == n);
    close(from);
    MUST(close(to) == 0);
}

/* Two versions in one process, each of whose symbols everybody sees: neither calls into the other, and neither knows the other's handles. */
static void two_of_it_side_by_side(void) {
    char path[] = "/tmp/llmagg-copy-XXXXXX";
    llmagg_client *first_client, *second_client;
    llmagg_buf answer = {NULL, 0};
    llmagg_error *error = NULL;
    if (SANITIZED) return; /* they count types once in a process */
    MUST(mkdtemp(path) != NULL);
    char file[64];
    snprintf(file, sizeof file, "%s/libother.so", path);
    copy_to(file);
    void *first = library = load_with(LIBRARY, RTLD_NOW | RTLD_GLOBAL);
    first_client = healthy_client();
    void *second = load_with(file, RTLD_NOW | RTLD_GLOBAL);
    MUST(unlink(file) == 0 && rmdir(path) == 0 && second != first);
    library = second;
    second_client = healthy_client();
    for (int i = 0; i < 10; i++) chat(second_client);
    MUST(FN(llmagg_client_chat)(first_client, STR(HELLO), NULL, 0, &answer, &error) == LLMAGG_E_INVALID_HANDLE);
    library = first;
    FN(llmagg_error_free)(error); /* memory is the C library's, whoever took it */
    FN(llmagg_client_free)(second_client);
    for (int i = 0; i < 10; i++) chat(first_client);
    library = second;
    for (int i = 0; i < 10; i++) chat(second_client);
}

int main(void) {
    results_apart();
    RUN(its_own_symbols_first);
    RUN(lazily_and_for_everybody);
    RUN(by_a_small_thread_that_ends);
    RUN(by_eight_threads_at_once);
    RUN(with_every_signal_blocked);
    RUN(in_children_of_a_host_with_threads);
    RUN(again_in_a_child);
    RUN(two_of_it_side_by_side);
    return failures != 0;
}
