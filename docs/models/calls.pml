/* Part of objbus. SPDX-License-Identifier: Apache-2.0
 * A call runs at most once, in its order, and ends, whatever happens to the links
 * (docs/protocol/calls.md §1, §3-§6, §9, §10).
 *
 * Node 0 calls an object of node 1, CALLS times, and perhaps once one-way. One broker between them.
 *
 * Modelled: numbers, watermark and ranges; sending again after a new link of the caller's, after
 * PEER_RELINKED and after a restart of the broker; what is told to whom, and which call the broker
 * lets pass (peerEpoch); refusals by the broker, which may be lost; answers kept until acknowledged,
 * and the question about that; cancelling; the end of either node, and that of the callee in good order:
 * it drains, and says in GOODBYE whether it has answered everything.
 *
 * Abstracted: references (tokens.pml): the caller holds the object all the time; windows and sizes;
 * deadlines, which end as cancelling does; time; payloads. Links as in holders.pml.
 *
 * Bounds: links are lost LOSSES times without a cause, CANCELS calls are cancelled, the broker
 * refuses REFUSALS calls, ENDS nodes crash, the callee drains DRAINS times, the broker restarts RESTARTS
 * times. A broker that ends in good order is one of these restarts: STOPPING only lets nodes know sooner.
 */
#ifndef CALLS
#define CALLS 2
#endif
#ifndef ONEWAYS
#define ONEWAYS 0
#endif
#ifndef LOSSES
#define LOSSES 1
#endif
#ifndef CANCELS
#define CANCELS 0
#endif
#ifndef REFUSALS
#define REFUSALS 0
#endif
#ifndef ENDS
#define ENDS 0
#endif
#ifndef DRAINS
#define DRAINS 0
#endif
#ifndef RESTARTS
#define RESTARTS 0
#endif

#define A 0
#define B 1

#define ROOM 18

mtype = { CALL, ONEWAY, REPLY, REFUSED, CANCEL, ACK, ASK, RELINKED, ENDED, GOODBYE, HELLO };
/* Of a question, and of an answer. */
mtype = { NONE, WAITING, SENT, ABANDONED, SETTLED, RUNNING, KEPT };

/* Kind, number, then by kind: peerEpoch, `resent` or `executed: no`, settled calls as a set of bits. */
chan up[2] = [ROOM] of { mtype, byte, byte, bit, byte };
chan down[2] = [ROOM] of { mtype, byte, byte, bit, byte };

/* The caller. */
mtype question[4] = NONE;
bit resent[4];
byte issued, peerEpoch, oneways;
bit untold;          /* settled calls that the callee has not been told of */

/* The callee. */
mtype answer[4] = NONE;
bit executedNo[4];
byte settled;        /* a set of bits */
byte firstInOrder;
bit draining, drained;
byte epochB;

/* The nodes. */
bit opening[2], crashed[2];

/* The broker. */
bit linked[2], known[2], gone[2];
byte hellos[2];
byte linkB;          /* the epoch of the callee's present link */
bit younger;         /* the caller's link is, than the callee's */
bit told;            /* the caller was told of the callee's present link */
bit waits[2];        /* for word of the other one's link */
bit correspond;      /* the caller has reached the callee in this run */
bit recovering;

byte losses, cancels, refusals, crashes, restarts;

/* What is to hold, seen from outside. */
bit ran[4], toldNo[4];
bit refused[4];      /* by the broker, once */
byte latest;         /* the place in the order of what started last */

#define current(n) (linked[n] && hellos[n] == 0)

inline discard(queue) {
    do
    :: nempty(queue) -> queue?_, _, _, _, _
    :: empty(queue) -> break
    od
}

/* To a node with a link; into nothing, if the node has given that link up. */
inline tell(n, kind, number, epoch, flag, set) {
    if
    :: current(n) -> down[n]!kind, number, epoch, flag, set
    :: else
    fi
}

#define mayOpen(n) (losses < LOSSES || (!linked[n] && hellos[n] == 0))
inline open_link(n, epoch) {
    if
    :: linked[n] || hellos[n] > 0 -> losses++
    :: else
    fi;
    discard(down[n]);
    opening[n] = true;
    up[n]!HELLO, 0, epoch, 0, 0;
    hellos[n]++
}

inline crash(n) {
    crashes++;
    crashed[n] = true;
    opening[n] = false;
    discard(down[n])
}

#define open(i) (question[i] == SENT || question[i] == ABANDONED || question[i] == WAITING)

/* Who has cancelled it has been told. */
#define mayTell(i) (question[i] == SENT || question[i] == WAITING)

/* Every call up to here is settled. */
inline set_watermark() {
    set = 0;
    for (j : 1 .. issued) {
        if
        :: open(j) -> break
        :: else -> set = set | (1 << j)
        fi
    }
}

inline send_call(number, again) {
    set_watermark();
    untold = false;
    resent[number] = resent[number] | again;
    question[number] = SENT;
    up[A]!CALL, number, peerEpoch, again, set;
    set = 0; j = 0
}

inline send_waiting() {
    for (i : 1 .. issued) {
        if
        :: question[i] == WAITING -> send_call(i, 0)
        :: else
        fi
    }
}

inline send_again() {
#ifdef NEW_CALLS_FIRST
    send_waiting();
#endif
    for (i : 1 .. issued) {
        if
        :: question[i] == SENT -> send_call(i, 1)
        :: question[i] == ABANDONED -> up[A]!CANCEL, i, 0, 0, 0
        :: else
        fi
    }
    send_waiting();
    i = 0
}

inline acknowledge() {
    set = 0;
    for (j : 1 .. issued) {
        if
        :: !open(j) -> set = set | (1 << j)
        :: else
        fi
    }
    untold = false;
    up[A]!ACK, 0, 0, 0, set;
    set = 0; j = 0
}

inline settle(number) {
    question[number] = SETTLED;
    untold = true
}

#define mayCancel(i) (!crashed[A] && (question[i] == WAITING || question[i] == SENT))
inline cancel(number) {
    cancels++;
    if
    :: question[number] == WAITING -> settle(number)            /* it has not left */
    :: else ->
        question[number] = ABANDONED;
        if
        :: !opening[A] -> up[A]!CANCEL, number, 0, 0, 0
        :: else
        fi
    fi
}

proctype Caller() {
    byte i, j, number, epoch, set;
    bit flag;
end:
    do
    :: atomic { !crashed[A] && issued < CALLS ->
        issued++;
        question[issued] = WAITING;
        if
        :: !opening[A] -> send_waiting(); i = 0
        :: else
        fi }
    :: atomic { !crashed[A] && !opening[A] && oneways < ONEWAYS ->
        oneways++;
        up[A]!ONEWAY, issued, peerEpoch, 0, 0 }
    :: atomic { cancels < CANCELS && mayCancel(1) -> cancel(1) }
    :: atomic { cancels < CANCELS && mayCancel(2) -> cancel(2) }
    :: atomic { !crashed[A] && !opening[A] && down[A]?[REPLY(_, _, _, _)] ->
        down[A]?REPLY(number, _, flag, _);
        if
        :: open(number) ->
            settle(number);
            if
            :: flag -> assert(!ran[number]); toldNo[number] = true
            :: else
            fi
        :: else
        fi;
        number = 0; flag = 0 }
    :: atomic { !crashed[A] && !opening[A] && down[A]?[REFUSED(_, _, _, _)] ->
        down[A]?REFUSED(number, _, flag, _);
        if
#ifndef OLD_REFUSAL_BELIEVED
        :: resent[number] && !flag                  /* the second transmission is not judged yet */
        :: !(resent[number] && !flag) && open(number) ->
#else
        :: open(number) ->
#endif
            settle(number);
            if
            :: !flag -> assert(!ran[number]); toldNo[number] = true
            :: else
            fi
        :: else
        fi;
        number = 0; flag = 0 }
    :: atomic { !crashed[A] && !opening[A] && down[A]?[RELINKED(_, _, _, _)] ->
        down[A]?RELINKED(_, peerEpoch, _, _);
        send_again() }
    :: atomic { !crashed[A] && !opening[A] && down[A]?[ENDED(_, _, _, _)] ->
        down[A]?ENDED(_, _, flag, _);
        for (i : 1 .. issued) {
            if
#ifndef RESENT_TAKEN_FOR_UNREACHED
            :: mayTell(i) && flag && !resent[i] ->      /* else its answer would have come */
#else
            :: mayTell(i) && flag ->
#endif
                assert(!ran[i]);
                toldNo[i] = true
            :: else
            fi;
            if
            :: open(i) -> question[i] = SETTLED
            :: else
            fi
        }
        i = 0; flag = 0;
        untold = false }
    :: atomic { !crashed[A] && !opening[A] && down[A]?[ASK(_, _, _, _)] ->
        down[A]?ASK(_, _, _, _);
        acknowledge() }
    :: atomic { !crashed[A] && !opening[A] && untold -> acknowledge() }   /* after some silence */
    :: atomic { !crashed[A] && mayOpen(A) -> open_link(A, 0) }
    :: atomic { !crashed[A] && opening[A] && current(A) ->                /* WELCOME */
        opening[A] = false;
        peerEpoch = 0;
        send_again() }
    :: atomic { !crashed[A] && crashes < ENDS ->
        crash(A);
        for (i : 1 .. issued) { question[i] = SETTLED }
        i = 0;
        issued = CALLS;
        untold = false }
    od
}

/* Twice the number of the call, and one more for a one-way call behind it. */
inline start(place) {
    assert(place > latest);
    latest = place
}

inline keep(number, no) {
    answer[number] = KEPT;
    executedNo[number] = no;
    if
    :: !opening[B] -> up[B]!REPLY, number, 0, no, 0
    :: else
    fi
}

/* A handler returns. */
inline finish(number) {
    keep(number, 0);
#ifdef ANSWER_NOT_KEPT
    answer[number] = NONE
#endif
}

inline ask() {
#ifndef ACKNOWLEDGEMENT_NOT_ASKED_FOR
    for (number : 1 .. CALLS) {
        if
        :: answer[number] != NONE -> up[B]!ASK, 0, 0, 0, 0; break
        :: else
        fi
    }
#endif
    number = 0
}

inline forget(these) {
    settled = settled | these;
    for (i : 1 .. CALLS) {
        if
        :: (settled & (1 << i)) && answer[i] == KEPT -> answer[i] = NONE; executedNo[i] = 0
        :: else
        fi
    }
    i = 0
}

proctype Callee() {
    byte i, number, set;
    bit flag;
end:
    do
    :: atomic { !crashed[B] && !opening[B] && down[B]?[CALL(_, _, _, _)] ->
        down[B]?CALL(number, _, _, set);
        forget(set);
        if
        :: settled & (1 << number)
#ifndef DUPLICATES_RUN
        :: !(settled & (1 << number)) && answer[number] == RUNNING
        :: !(settled & (1 << number)) && answer[number] == KEPT ->
            up[B]!REPLY, number, 0, executedNo[number], 0
        :: !(settled & (1 << number)) && answer[number] == NONE ->
#else
        :: !(settled & (1 << number)) ->
#endif
            if
            :: draining -> keep(number, 1)
#ifndef LATE_CALLS_START
            :: !draining && number < firstInOrder ->
                assert(refused[number]);            /* no call fails for want of luck */
                keep(number, 1)
#endif
            :: else ->
                assert(!ran[number]);
                assert(!toldNo[number]);
                start(2 * number);
                ran[number] = true;
                answer[number] = RUNNING;
                if
                :: firstInOrder < number -> firstInOrder = number
                :: else
                fi
            fi
        fi;
        number = 0; set = 0 }
    :: atomic { !crashed[B] && !opening[B] && down[B]?[ONEWAY(_, _, _, _)] ->
        down[B]?ONEWAY(number, _, _, _);
        start(2 * number + 1);
        if
        :: firstInOrder < number + 1 -> firstInOrder = number + 1
        :: else
        fi;
        number = 0 }
    :: atomic { answer[1] == RUNNING -> finish(1) }
    :: atomic { answer[2] == RUNNING -> finish(2) }
    :: atomic { answer[3] == RUNNING -> finish(3) }
    :: atomic { !crashed[B] && !opening[B] && down[B]?[CANCEL(_, _, _, _)] ->
        down[B]?CANCEL(number, _, _, _);
        if
        :: settled & (1 << number)
        :: !(settled & (1 << number)) && answer[number] == RUNNING
        :: !(settled & (1 << number)) && answer[number] == KEPT ->
            up[B]!REPLY, number, 0, executedNo[number], 0
        :: !(settled & (1 << number)) && answer[number] == NONE ->
#ifndef CANCEL_OF_UNSEEN_IGNORED
            keep(number, 1)
#ifdef CANCEL_OF_UNSEEN_NOT_RECORDED
            ; answer[number] = NONE; executedNo[number] = 0
#endif
#else
            skip
#endif
        fi;
        number = 0 }
    :: atomic { !crashed[B] && !opening[B] && down[B]?[ACK(_, _, _, _)] ->
        down[B]?ACK(_, _, _, set);
        forget(set);
#ifdef GOAL
        assert(settled != 6 || !ran[2] || losses < LOSSES || restarts < RESTARTS);
#endif
        set = 0 }
    :: atomic { !crashed[B] && !opening[B] && down[B]?[RELINKED(_, _, _, _)] ->
        down[B]?RELINKED(_, _, _, _);
        ask() }
    :: atomic { !crashed[B] && !opening[B] && down[B]?[ENDED(_, _, _, _)] ->
        down[B]?ENDED(_, _, _, _);
        for (number : 1 .. CALLS) { answer[number] = NONE; executedNo[number] = 0 }
        number = 0 }
    :: atomic { !crashed[B] && mayOpen(B) -> epochB++; open_link(B, epochB) }
    :: atomic { !crashed[B] && opening[B] && current(B) ->                /* WELCOME */
        opening[B] = false;
        ask() }
    :: atomic { !crashed[B] && !draining && !drained && DRAINS > 0 && !opening[B] ->
        draining = true }
    :: atomic { !crashed[B] && draining && !opening[B] ->   /* at once, or after any time */
#ifndef HASTY_GOODBYE
        for (number : 1 .. CALLS) { flag = flag | (answer[number] == RUNNING) }
#endif
        up[B]!GOODBYE, 0, 0, !flag, 0;
        flag = 0;
        draining = false;
        drained = true;
        crash(B);
        crashes--;
        for (number : 1 .. CALLS) { answer[number] = NONE; executedNo[number] = 0 }
        number = 0 }
    :: atomic { !crashed[B] && crashes < ENDS ->
        crash(B);
        for (number : 1 .. CALLS) { answer[number] = NONE; executedNo[number] = 0 }
        number = 0 }
    od
}

#define mayExist(n) (!gone[n])

/* CANCEL, ACK or ASK did not find its receiver: its sender has something open with it. */
inline notice_undeliverable(from, to) {
    if
    :: gone[to] -> tell(from, ENDED, 0, 0, 0, 0)
    :: else ->
#ifndef WAITERS_FORGOTTEN
        waits[from] = true
#else
        skip
#endif
    fi
}

/* All whom it concerns are told. */
inline end_incarnation(n, other, concerns, idle) {
    linked[n] = false;
    gone[n] = true;
    discard(up[n]);
    hellos[n] = 0;
    if
    :: concerns || waits[other] -> tell(other, ENDED, 0, 0, idle, 0)
    :: else
    fi;
    waits[other] = false
}

proctype LinkA() {
    byte number, epoch, set;
    bit flag;
end:
    do
    :: atomic { up[A]?[CALL(_, _, _, _)] ->
        up[A]?CALL(number, epoch, flag, set);
        if
        :: !linked[A]
        :: linked[A] && gone[B] -> tell(A, REFUSED, number, 0, flag, 0)
        :: linked[A] && !gone[B] && !linked[B] ->
#ifndef WAITERS_FORGOTTEN
            waits[A] = true
#else
            skip
#endif
        :: linked[A] && linked[B] ->
            if
#ifndef PEER_EPOCH_IGNORED
            :: !younger && epoch != linkB && told       /* it comes again, behind the others */
            :: (younger || epoch == linkB || !told) ->
#else
            :: true ->
#endif
                correspond = true;
                tell(B, CALL, number, 0, 0, set)
            :: refusals < REFUSALS && !flag ->
                refusals++;
                refused[number] = true;
                tell(A, REFUSED, number, 0, 0, 0)
            fi
        fi;
        number = 0; epoch = 0; flag = 0; set = 0 }
    :: atomic { up[A]?[ONEWAY(_, _, _, _)] ->
        up[A]?ONEWAY(number, epoch, _, _);
        if
#ifndef PEER_EPOCH_IGNORED
        :: linked[A] && linked[B] && (younger || epoch == linkB || !told) ->
#else
        :: linked[A] && linked[B] ->
#endif
            tell(B, ONEWAY, number, 0, 0, 0)
        :: else
        fi;
        number = 0; epoch = 0 }
    :: atomic { up[A]?[CANCEL(_, _, _, _)] ->
        up[A]?CANCEL(number, _, _, _);
        if
        :: !linked[A]
        :: linked[A] && linked[B] -> correspond = true; tell(B, CANCEL, number, 0, 0, 0)
        :: linked[A] && !linked[B] -> notice_undeliverable(A, B)
        fi;
        number = 0 }
    :: atomic { up[A]?[ACK(_, _, _, _)] ->
        up[A]?ACK(_, _, _, set);
        if
        :: !linked[A]
        :: linked[A] && linked[B] -> correspond = true; tell(B, ACK, 0, 0, 0, set)
        :: linked[A] && !linked[B] -> notice_undeliverable(A, B)
        fi;
        set = 0 }
    :: atomic { up[A]?[HELLO(_, _, _, _)] ->
        up[A]?HELLO(_, _, _, _);
        hellos[A]--;
        linked[A] = true;
        known[A] = true;
        younger = true;
        if
        :: gone[B] -> tell(A, ENDED, 0, 0, 0, 0)       /* it restates what B owned */
        :: else
        fi;
        if
        :: correspond || waits[B] -> tell(B, RELINKED, 0, 0, 0, 0)
        :: else
        fi;
        waits[B] = false }
    :: atomic { linked[A] && losses < LOSSES -> losses++; linked[A] = false }
    :: atomic { crashed[A] && !gone[A] && !recovering -> end_incarnation(A, B, correspond, 0) }
    od
}

proctype LinkB() {
    byte number, epoch;
    bit flag;
end:
    do
    :: atomic { up[B]?[REPLY(_, _, _, _)] ->
        up[B]?REPLY(number, _, flag, _);
        if
        :: linked[B] && linked[A] -> tell(A, REPLY, number, 0, flag, 0)
        :: else                             /* lost: the caller will send its call again */
        fi;
        number = 0; flag = 0 }
    :: atomic { up[B]?[ASK(_, _, _, _)] ->
        up[B]?ASK(_, _, _, _);
        if
        :: !linked[B]
        :: linked[B] && linked[A] -> correspond = true; tell(A, ASK, 0, 0, 0, 0)
        :: linked[B] && !linked[A] -> notice_undeliverable(B, A)
        fi }
    :: atomic { up[B]?[HELLO(_, _, _, _)] ->
        up[B]?HELLO(_, epoch, _, _);
        hellos[B]--;
        linked[B] = true;
        known[B] = true;
        younger = false;
        linkB = epoch;
        told = known[A];
        epoch = 0;
        if
#ifndef RELINK_NOT_ANNOUNCED
        :: told -> tell(A, RELINKED, 0, linkB, 0, 0)
#endif
        :: else
        fi;
        waits[A] = false }
    :: atomic { linked[B] && losses < LOSSES -> losses++; linked[B] = false }
    :: atomic { crashed[B] && !gone[B] && !recovering -> end_incarnation(B, A, true, 0) }
    :: atomic { up[B]?[GOODBYE(_, _, _, _)] ->
        up[B]?GOODBYE(_, _, flag, _);
        if
        :: linked[B] && !gone[B] -> end_incarnation(B, A, true, flag)
        :: else
        fi;
        flag = 0 }
    od
}

#define isBack(n) (known[n] || crashed[n] || gone[n])

/* The broker is killed and started again. */
proctype Restart() {
    byte n;
end:
    do
    :: atomic { restarts < RESTARTS && !recovering ->
        restarts++;
        recovering = true;
        for (n : 0 .. 1) {
            linked[n] = false;
            known[n] = false;
            hellos[n] = 0;
            waits[n] = false;
            discard(up[n])
        }
        n = 0;
        correspond = false;
        told = false }
    :: atomic { recovering && isBack(A) && isBack(B) ->
        recovering = false }
    od
}

/* A queue that is full would stop its sender in the middle of a step. */
#define isFull(queue) (len(queue) == ROOM)
#define upFull (isFull(up[0]) || isFull(up[1]))
#define downFull (isFull(down[0]) || isFull(down[1]))
proctype Room() {
end:
    upFull || downFull -> assert(false)
}

init {
    atomic {
        linked[A] = true; linked[B] = true;
        known[A] = true; known[B] = true;
        younger = true;
        run Caller(); run Callee(); run LinkA(); run LinkB(); run Restart(); run Room()
    }
}

/* Every call ends. */
#define isOpen(i) (question[i] == WAITING || question[i] == SENT || question[i] == ABANDONED)
#define ends(i) (isOpen(i) -> <> !isOpen(i))
ltl ending { [] (ends(1) && ends(2) && ends(3)) }

/* Every answer is forgotten: the caller's word that it is settled arrives. */
#define goes(i) (answer[i] == KEPT -> <> (answer[i] == NONE))
ltl forgotten { [] (goes(1) && goes(2) && goes(3)) }
