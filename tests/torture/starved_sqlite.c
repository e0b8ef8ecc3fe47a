/* SQLite's requests for memory, counted and refused: from `first` to `last`, as `starve` says; nothing else is touched.
 *
 * SQLite takes its allocator from the program (sqlite3_config, SQLITE_CONFIG_MALLOC, before it is initialised). The
 * struct is that of its documentation ("Memory Allocation Routines"), so that its header is not needed.
 */
#include <stddef.h>

struct methods {
    void *(*malloc)(int);
    void (*free)(void *);
    void *(*realloc)(void *, int);
    int (*size)(void *);
    int (*roundup)(int);
    int (*init)(void *);
    void (*shutdown)(void *);
    void *data;
};
enum { SET_MALLOC = 4, GET_MALLOC = 5 };

static struct methods theirs;
static long asked, first, last;

static int refused(void) {
    long number = __atomic_add_fetch(&asked, 1, __ATOMIC_SEQ_CST);
    return first <= number && number <= last;
}

static void *counted_malloc(int bytes) { return refused() ? NULL : theirs.malloc(bytes); }

static void *counted_realloc(void *held, int bytes) { return refused() ? NULL : theirs.realloc(held, bytes); }

int install(int (*config)(int, ...)) {
    int code = config(GET_MALLOC, &theirs);
    struct methods ours = theirs;
    ours.malloc = counted_malloc;
    ours.realloc = counted_realloc;
    return code ? code : config(SET_MALLOC, &ours);
}

/* Count anew; refuse the requests from `from` to `to`, counted from 1. */
void starve(long from, long to) {
    first = from;
    last = to;
    __atomic_store_n(&asked, 0, __ATOMIC_SEQ_CST);
}

long counted(void) { return __atomic_load_n(&asked, __ATOMIC_SEQ_CST); }
