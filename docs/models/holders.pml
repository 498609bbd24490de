/* Part of objbus. SPDX-License-Identifier: Apache-2.0
 * Who holds an object, and when its owner may let it go (docs/protocol/references.md §2, §3, §7).
 *
 * One object. Node 0 owns it, nodes 1 and 2 may hold it, one broker is between them. Every message
 * that carries the object is an APP: a call, a one-way call, an answer are the same to counting.
 *
 * Modelled: giving out, handing on, coming home, dropping; messages that the broker refuses or
 * cannot deliver; links lost at any point, noticed by either side first, with any part of what is on
 * its way lost; HELLO as a snapshot, and what becomes due between HELLO and WELCOME; a holder that
 * crashes, or is cut off for too long; one restart of the broker with its recovery window.
 *
 * Abstracted: payloads; sequences (a link is a FIFO that may lose a tail, which is what they make of
 * it); time (heartbeats and windows end at any moment); seals (revocation.pml); names, which count as
 * a holder that never crashes; the owner's end, after which there is nothing to free; calls and
 * their repetition (tokens.pml). A sending queue never fills: the broker refuses at any moment
 * instead.
 *
 * Bounds: COPIES messages carry the object, links are lost LOSSES times without a cause, ENDS
 * holders end, the broker restarts RESTARTS times.
 */
#ifndef COPIES
#define COPIES 3
#endif
#ifndef LOSSES
#define LOSSES 1
#endif
#ifndef ENDS
#define ENDS 1
#endif
#ifndef RESTARTS
#define RESTARTS 1
#endif

#define ROOM (COPIES + 4)

mtype = { APP, RELEASE, UNREF, HELLO };

/* To the broker: APP(destination), RELEASE(count), HELLO(rcv or exp). From it: APP, UNREF(count). */
chan up[3] = [ROOM] of { mtype, byte };
chan down[3] = [ROOM] of { mtype, byte };
/* Empty but for mutants that let one kind of message go its own way. */
chan releases[3] = [2] of { mtype, byte };
chan unrefs = [4] of { mtype, byte };

/* The owner. */
byte exp;            /* times put into a transmission, less what UNREF gave back */
bool root = true;    /* the owner's own program uses the object */
bool freed;

/* The nodes. */
byte rcv[3];         /* copies received since the last RELEASE */
bool live[3];        /* a token lives */
bool opening[3];     /* HELLO was sent, WELCOME is not there */
byte late[3];        /* a RELEASE kept back until WELCOME */
bool crashed[3];

/* The broker. */
byte E, H[3];
bool linked[3];      /* has a link with the node, be it the newest or not */
bool known[3];       /* has heard of the incarnation in this run */
bool ended[3];
byte hellos[3];      /* HELLOs on their way: while there is one, the broker's link is an old one */
bool recovering;
byte uncounted[3];   /* for a mutant only */

byte copies, losses, ends, restarts;

/* What the broker sends now reaches the node. */
#define current(n) (linked[n] && hellos[n] == 0)
#define holds(n) (live[n] && !ended[n])

inline let_go() {
    if
    :: exp == 0 && !root ->
        assert(!holds(1) && !holds(2));
#ifdef GOAL
        assert(copies < COPIES || losses < LOSSES || ends < ENDS || restarts < RESTARTS);
#endif
        freed = true
    :: else
    fi
}

#ifdef NO_RECOVERY_WINDOW
#define mayUnref true
#else
#define mayUnref (!recovering)
#endif

/* The broker's look at whether anybody holds the object. */
inline zero_check() {
    if
    :: H[1] + H[2] == 0 && E > 0 && linked[0] && mayUnref ->
        if
        :: current(0) ->
#ifdef UNREF_OVERTAKES
            unrefs!UNREF(E)
#else
            down[0]!UNREF(E)
#endif
        :: else
        fi;
        E = 0
    :: else
    fi
}

inline discard(queue) {
    do
    :: nempty(queue) -> queue?_, _
    :: empty(queue) -> break
    od
}

/* A node gives its link up, and restates on a new one what it has now. What it sent may still reach
 * the broker before the HELLO; what was sent to it does not reach it. */
inline open_link(n, count) {
    discard(down[n]);
    opening[n] = true;
    late[n] = 0;
    up[n]!HELLO(count);
    hellos[n]++
}

/* A node may notice the loss of its link at any time; it must if the broker has ended it. */
#define mayOpen(n) (losses < LOSSES || (!linked[n] && hellos[n] == 0))
inline spend(n) {
    if
    :: linked[n] || hellos[n] > 0 -> losses++
    :: else
    fi
}

proctype Owner() {
    byte count, to;
end:
    do
    :: atomic { root && !opening[0] && copies < COPIES ->
        if
        :: to = 0
        :: to = 1
        :: to = 2
        fi;
        copies++;
        exp++;
        up[0]!APP(to);
        to = 0 }
    :: atomic { root -> root = false; let_go() }
    :: atomic { !opening[0] && down[0]?[APP(_)] ->        /* called, or come home */
        down[0]?APP(_);
        assert(!freed);
        if
        :: root = true
        :: skip
        fi;
        let_go() }
    :: atomic { !opening[0] && down[0]?[UNREF(_)] ->
        down[0]?UNREF(count);
        assert(exp >= count);
#ifdef UNREF_WITHOUT_COUNT
        exp = 0;
#else
        exp = exp - count;
#endif
        count = 0;
        let_go() }
    :: atomic { unrefs?UNREF(count) -> exp = exp - count; count = 0; let_go() }
    :: atomic { mayOpen(0) -> spend(0); open_link(0, exp) }
    :: atomic { opening[0] && current(0) -> opening[0] = false }    /* WELCOME */
    od
}

proctype Holder(byte n) {
    byte to;
end:
    do
    :: atomic { live[n] && !opening[n] && copies < COPIES ->        /* hands on, calls, answers */
        if
        :: to = 0
        :: to = 3 - n
        fi;
        copies++;
        up[n]!APP(to);
        to = 0 }
    :: atomic { live[n] ->                                          /* the token ends */
        live[n] = false;
        if
        :: opening[n] ->
#ifndef LATE_RELEASE_FORGOTTEN
            late[n] = rcv[n]
#endif
        :: else ->
#ifdef RELEASE_ON_SECOND_CHANNEL
            releases[n]!RELEASE(rcv[n])
#else
            up[n]!RELEASE(rcv[n])
#endif
        fi;
        rcv[n] = 0 }
    :: atomic { !opening[n] && !crashed[n] && down[n]?[APP(_)] ->
        down[n]?APP(_);
        assert(!freed || ended[n]);
        rcv[n]++;
        live[n] = true }
    :: atomic { !crashed[n] && !ended[n] && mayOpen(n) -> spend(n); open_link(n, rcv[n]) }
    :: atomic { opening[n] && current(n) && !crashed[n] ->          /* WELCOME */
        opening[n] = false;
        if
        :: late[n] > 0 -> up[n]!RELEASE(late[n]); late[n] = 0
        :: else
        fi }
    :: atomic { ended[n] && !linked[n] && !crashed[n] && live[n] -> /* hears that it has ended */
        live[n] = false;
        rcv[n] = 0;
        late[n] = 0;
        discard(down[n]) }
    :: atomic { !crashed[n] && ends < ENDS ->
        ends++;
        crashed[n] = true;
        live[n] = false;
        rcv[n] = 0;
        late[n] = 0;
        discard(down[n]) }
    od
}

/* The incarnation ends at the broker: its column is dropped. */
inline end_incarnation(n) {
    linked[n] = false;
    ended[n] = true;
    discard(up[n]);
    hellos[n] = 0;
#ifndef COLUMN_KEPT_AT_END
    H[n] = 0;
#endif
    zero_check()
}

/* The broker's side of one link; each message is one step of its core. */
proctype Link(byte n) {
    byte k;
end:
    do
    :: atomic { up[n]?[APP(_)] ->
        up[n]?APP(k);
        if
        :: !linked[n]                           /* of an epoch that is over: dropped uncounted */
        :: linked[n] ->
            if
            :: n == 0 -> E++
            :: n != 0 -> assert(H[n] > 0)       /* nobody is refused what he may do */
            fi;
            if
            :: linked[k] ->
                if
                :: k != 0 ->
#ifdef FORWARDED_BEFORE_COUNTED
                    uncounted[k]++
#else
                    H[k]++
#endif
                :: else
                fi;
                if
                :: current(k) -> down[k]!APP(0)
                :: else                         /* into a link that the node has given up */
                fi;
                if
                :: k == 0 && n == 0 -> zero_check()
                :: else
                fi
            :: true ->                          /* refused, expired, no link, a full pipe */
#ifdef UNDELIVERABLE_NOT_COUNTED
                if
                :: n == 0 -> E--
                :: else
                fi;
#endif
#ifndef UNDELIVERABLE_NOT_CHECKED
                zero_check()
#endif
            fi
        fi;
        k = 0 }
    :: atomic { up[n]?[RELEASE(_)] ->
        up[n]?RELEASE(k);
        if
        :: !linked[n]
        :: linked[n] ->
            assert(H[n] >= k);
            H[n] = H[n] - k;
            zero_check()
        fi;
        k = 0 }
    :: atomic { releases[n]?RELEASE(k) ->
        H[n] = H[n] - k;
        k = 0;
        zero_check() }
#ifdef STALE_EPOCH_COUNTED
    :: atomic { up[n]??[HELLO(_)] && (known[n] || recovering) ->
        up[n]??HELLO(k);
#else
    :: atomic { up[n]?[HELLO(_)] && (known[n] || recovering) ->
        up[n]?HELLO(k);
#endif
        hellos[n]--;
        linked[n] = true;
        known[n] = true;
        if
        :: n == 0 -> E = k
        :: n != 0 ->
#if defined(HELLO_COUNTS_ONE)
            H[n] = (k > 0 -> 1 : 0)
#elif defined(HELLO_KEEPS_COUNTS)
            H[n] = (H[n] == 0 -> k : H[n])
#else
            H[n] = k
#endif
        fi;
        k = 0;
        zero_check() }
    :: atomic { linked[n] && losses < LOSSES -> losses++; linked[n] = false }
    :: atomic { uncounted[n] > 0 -> H[n] = H[n] + uncounted[n]; uncounted[n] = 0 }
    :: atomic { n != 0 && crashed[n] && !ended[n] -> end_incarnation(n) }
    :: atomic { n != 0 && !linked[n] && !recovering && !ended[n] && ends < ENDS ->
        ends++;                                 /* the resume window is over, though it lives */
        end_incarnation(n) }
    od
}

#define away(n) (!known[n] && !ended[n] -> 1 : 0)
#define missing (away(1) + away(2))

/* The broker is killed and started again. */
proctype Restart() {
    byte n;
end:
    do
    :: atomic { restarts < RESTARTS && !recovering ->
        restarts++;
        recovering = true;
        E = 0;
        for (n : 0 .. 2) {
            H[n] = 0;
            linked[n] = false;
            known[n] = false;
            hellos[n] = 0;
            uncounted[n] = 0;
            discard(up[n]);
            discard(releases[n])
        }
        n = 0 }
    :: atomic { recovering && known[0] && missing <= ENDS - ends ->
        recovering = false;                     /* who has not come back has ended */
        for (n : 1 .. 2) {
            if
            :: !known[n] && !ended[n] -> ends++; end_incarnation(n)
            :: else
            fi
        }
        n = 0;
        zero_check() }
    od
}

#ifdef INVARIANTS
/* What always holds (references.md §8), looked at in every state. */
proctype Invariants() {
    byte n, at, kind, k, sum, released;
end:
    do
    :: d_step { true ->
        for (n : 0 .. 2) {
            sum = 0;
            released = 0;
            for (at : 1 .. len(up[n])) {
                up[n]?kind, k;
                up[n]!kind, k;
                if
                :: kind == RELEASE -> released = released + k
                :: kind == APP && n == 0 -> sum++
                :: kind == APP && n != 0 && current(n) -> assert(H[n] > released)
                :: else
                fi
            }
            for (at : 1 .. len(down[n])) {
                down[n]?kind, k;
                down[n]!kind, k;
                if
                :: kind == UNREF -> sum = sum + k
                :: kind == APP && n != 0 -> sum++
                :: else
                fi
            }
            if
            :: current(n) && !opening[n] && n == 0 -> assert(exp == E + sum)
            :: current(n) && !opening[n] && n != 0 && !crashed[n] ->
                assert(H[n] == rcv[n] + sum + released)
            :: else
            fi
        }
        assert(!known[0] || H[1] + H[2] == 0 || E > 0);
        n = 0; at = 0; kind = 0; k = 0; sum = 0; released = 0 }
    od
}
#endif

/* A queue that is full would stop its sender in the middle of a step. */
#define isFull(queue) (len(queue) == ROOM)
#define upFull (isFull(up[0]) || isFull(up[1]) || isFull(up[2]))
#define downFull (isFull(down[0]) || isFull(down[1]) || isFull(down[2]))
proctype Room() {
end:
    upFull || downFull -> assert(false)
}

init {
    atomic {
        linked[0] = true; linked[1] = true; linked[2] = true;
        known[0] = true; known[1] = true; known[2] = true;
        run Owner(); run Holder(1); run Holder(2);
        run Link(0); run Link(1); run Link(2); run Restart(); run Room();
#ifdef INVARIANTS
        run Invariants();
#endif
        skip
    }
}

/* What nobody holds is freed in the end. */
ltl alive { (<>[] (!root && !live[1] && !live[2])) -> <> freed }
