/* An honest disk: fsync and fdatasync do their work and then take two milliseconds more.
 * Built by durable_send.py and preloaded into each of the servers it compares. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>

typedef int (*sync_function)(int);

static int slowly(const char *name, int file) {
    sync_function real = (sync_function)dlsym(RTLD_NEXT, name);
    struct timespec pause = {0, 2000000};
    int result = real(file);
    nanosleep(&pause, 0);
    return result;
}

int fsync(int file) { return slowly("fsync", file); }
int fdatasync(int file) { return slowly("fdatasync", file); }
