/* What the files of the queue share: capi/queue.c opens it, wakes its reader and reads; capi/queue_write.c writes. */
#ifndef LLMAGG_QUEUE_H
#define LLMAGG_QUEUE_H

#include <pthread.h>

#include "shim.h"

/* An event that waits. Its payload lies in the queue's bytes, behind those of the events before it, or is own. */
typedef struct {
    int32_t kind, status;
    uint64_t op, tag;
    size_t size;
    char *own;
    int fixed;      /* own is a text of the program, and not unmapped */
    uint32_t batch; /* chunks in the payload, an array whose "]" is not written yet; 0: the payload is as it is */
    size_t mapped;  /* of own */
} waiting;

struct shim_queue {
    int references;   /* atomic */

    pthread_mutex_t mu; /* guards what follows */
    int fd; /* of wake.c */
    waiting *events; /* from head to tail wait */
    size_t head, tail, room;
    char *bytes; /* from start to end wait */
    size_t start, end, size;
    size_t promised;  /* ends of operations, for each of which there is room in events */
    size_t droppable; /* LOG and OBSERVE events that wait */
    uint64_t dropped; /* of these, since the last DROPPED event */
    int dropped_told; /* a DROPPED event waits */
    int armed;        /* the descriptor is readable for good reason */
    int asked;        /* somebody is to wake the reader soon */
    int waking;       /* somebody is about to write the descriptor: between begin_wake and end_wake */
    int cleared;      /* the reader has taken everything since begin_wake */
    int waiters;      /* threads that may poll the descriptor now */
    int stopped;      /* shim_queue_stop was called */
    int closed;
};

/* Adds an event whose payload is before and then payload; the lock is held. SHIM_PUSHED, SHIM_WAKE or SHIM_NO_MEMORY. */
SHIM_HIDDEN int queue_add(shim_queue *q, waiting event, const char *before, const char *payload, size_t n);
/* Gives the memory of an event's own payload back. */
SHIM_HIDDEN void queue_unmap(const waiting *event);

#endif
