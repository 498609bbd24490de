/* Part of objbus. SPDX-License-Identifier: Apache-2.0
 * Calls that carry a reference, and are sent again: what keeps it alive meanwhile
 * (docs/protocol/references.md §2, §3; calls.md §3-§5).
 *
 * Node 0 calls an object of node 1, once. One reference is an argument, a result, or both; the object
 * that it means lives in node 0, in node 1, or in node 2, who takes no part in the call.
 *
 * Modelled: counting per transmission, also of calls and answers that are sent again; receipts counted
 * before duplicates are dropped; pins by question, delivered call and kept answer; tokens that end at
 * any time; links of caller and callee lost at any point; one restart of the broker.
 *
 * Abstracted: order and cancelling (calls.pml); refusals, crashes and handing on (holders.pml).
 */
#ifndef LOSSES
#define LOSSES 1
#endif
#ifndef RESTARTS
#define RESTARTS 0
#endif

#define A 0
#define B 1
#define O 2

#define ROOM 12

mtype = { CALL, REPLY, RELEASE, UNREF, ACK, ASK, RELINKED, HELLO };
mtype = { NONE, SENT, SETTLED, RUNNING, KEPT };

/* CALL and REPLY: whether they carry the reference. RELEASE, UNREF, HELLO: a count. */
chan up[3] = [ROOM] of { mtype, byte };
chan down[3] = [ROOM] of { mtype, byte };

byte owner;
bit freed;
byte exp, rcv[3], late[3];
bit token[3];        /* the program of the node uses the object */
bit pin[3];          /* a question (caller) or a kept answer (callee) does */
bit opening[3];

bit argument;        /* the call carries the reference */
bit result;          /* the answer does */
mtype question = NONE, answer = NONE;
bit untold;

byte E, H[3], hellos[3];
bit linked[3], known[3], recovering;
byte losses, restarts;

#define current(n) (linked[n] && hellos[n] == 0)
#define idle(n) (!token[n] && !pin[n])
#define uses(n) (token[n] || pin[n])

inline discard(queue) {
    do
    :: nempty(queue) -> queue?_, _
    :: empty(queue) -> break
    od
}

inline tell(n, kind, k) {
    if
    :: current(n) -> down[n]!kind, k
    :: else
    fi
}

/* After something that kept the object has gone: RELEASE by a holder, freeing by the owner. */
inline let_go(n) {
    if
    :: n == owner && exp == 0 && idle(n) && !freed ->
        assert(!uses(A) && !uses(B));
#ifdef GOAL
        assert(!argument || !result || losses < LOSSES || restarts < RESTARTS);
#endif
        freed = true
    :: n != owner && rcv[n] > 0 && idle(n) ->
        if
        :: opening[n] -> late[n] = rcv[n]
        :: else -> up[n]!RELEASE, rcv[n]
        fi;
        rcv[n] = 0
    :: else
    fi
}

/* A row of a reference table is sent, or received. */
inline count_sent(n, carries) {
    if
    :: carries && n == owner -> assert(!freed); exp++
    :: else
    fi
}

inline count_received(n, carries) {
    if
    :: carries ->
        assert(!freed);
        if
        :: n != owner -> rcv[n]++
        :: else
        fi
    :: else
    fi
}

inline send_call() {
    count_sent(A, argument);
    up[A]!CALL, argument
}

inline send_reply() {
    count_sent(B, result);
    up[B]!REPLY, result
}

#define mayOpen(n) (losses < LOSSES || (!linked[n] && hellos[n] == 0))
inline open_link(n) {
    if
    :: linked[n] || hellos[n] > 0 -> losses++
    :: else
    fi;
    discard(down[n]);
    opening[n] = true;
    late[n] = 0;
    up[n]!HELLO, (n == owner -> exp : rcv[n]);
    hellos[n]++
}

inline welcome(n) {
    opening[n] = false;
    if
    :: late[n] > 0 -> up[n]!RELEASE, late[n]; late[n] = 0
    :: else
    fi
}

inline unref(n) {
    down[n]?UNREF(k);
    assert(exp >= k);
    exp = exp - k;
    k = 0;
    let_go(n)
}

proctype Caller() {
    byte k;
end:
    do
    :: atomic { question == NONE && !opening[A] && (!argument || token[A]) ->
        question = SENT;
#ifndef QUESTION_WITHOUT_ARGUMENTS
        pin[A] = argument;
#endif
        send_call() }
    :: atomic { token[A] -> token[A] = false; let_go(A) }
    :: atomic { !opening[A] && down[A]?[REPLY(_)] ->
        down[A]?REPLY(k);
        if
        :: question == SENT ->
            count_received(A, k);
            question = SETTLED;
            untold = true;
            pin[A] = false;
#ifdef TOKEN_AFTER_RELEASE
            let_go(A);
#endif
            token[A] = token[A] | k
        :: else ->
#ifndef DUPLICATES_NOT_COUNTED
            count_received(A, k)
#else
            skip
#endif
        fi;
        k = 0;
#ifndef DISCARDED_NOT_GIVEN_BACK
        let_go(A)
#endif
        }
    :: atomic { !opening[A] && down[A]?[UNREF(_)] -> unref(A) }
    :: atomic { !opening[A] && down[A]?[RELINKED(_)] ->
        down[A]?RELINKED(_);
        if
        :: question == SENT -> send_call()
        :: else
        fi }
    :: atomic { !opening[A] && down[A]?[ASK(_)] ->
        down[A]?ASK(_);
        if
        :: question == SETTLED -> untold = false; up[A]!ACK, 0
        :: else
        fi }
    :: atomic { !opening[A] && untold -> untold = false; up[A]!ACK, 0 }
    :: atomic { mayOpen(A) -> open_link(A) }
    :: atomic { opening[A] && current(A) ->
        welcome(A);
        if
        :: question == SENT -> send_call()
        :: else
        fi }
    od
}

proctype Callee() {
    byte k;
end:
    do
    :: atomic { !opening[B] && down[B]?[CALL(_)] ->
        down[B]?CALL(k);
        if
        :: answer == NONE ->
            count_received(B, k);
            answer = RUNNING;
            token[B] = token[B] | k
        :: else ->                                  /* a duplicate */
#ifndef DUPLICATES_NOT_COUNTED
            count_received(B, k);
#endif
            if
            :: answer == KEPT -> send_reply()
            :: else
            fi
        fi;
        k = 0;
#ifndef DISCARDED_NOT_GIVEN_BACK
        let_go(B)
#endif
        }
    :: atomic { answer == RUNNING ->                /* the handler returns */
        if
        :: token[B] -> result = true
        :: skip
        fi;
        answer = KEPT;
#ifndef ANSWER_WITHOUT_RESULT
        pin[B] = result;
#endif
        if
        :: !opening[B] -> send_reply()
        :: else
        fi }
    :: atomic { token[B] -> token[B] = false; let_go(B) }
    :: atomic { !opening[B] && down[B]?[ACK(_)] ->
        down[B]?ACK(_);
        if
        :: answer == KEPT -> answer = SETTLED; pin[B] = false; let_go(B)
        :: else
        fi }
    :: atomic { !opening[B] && down[B]?[UNREF(_)] -> unref(B) }
    :: atomic { !opening[B] && down[B]?[RELINKED(_)] ->
        down[B]?RELINKED(_);
        if
        :: answer == RUNNING || answer == KEPT -> up[B]!ASK, 0
        :: else
        fi }
    :: atomic { mayOpen(B) -> open_link(B) }
    :: atomic { opening[B] && current(B) ->
        welcome(B);
        if
        :: answer == RUNNING || answer == KEPT -> up[B]!ASK, 0
        :: else
        fi }
    od
}

/* Owns the object and knows nothing of the call; its link ends only with the broker. */
proctype ThirdOwner() {
    byte k;
end:
    do
    :: atomic { !opening[O] && down[O]?[UNREF(_)] -> unref(O) }
    :: atomic { !linked[O] && hellos[O] == 0 -> open_link(O) }
    :: atomic { opening[O] && current(O) -> welcome(O) }
    od
}

inline zero_check() {
    if
    :: H[A] + H[B] == 0 && E > 0 && linked[owner] && !recovering ->
        tell(owner, UNREF, E);
        E = 0
    :: else
    fi
}

/* Forwards what `from` sent, if `to` has a link; counts. */
inline forward(from, to, kind) {
    if
    :: k && from == owner -> E++
    :: k && from != owner -> assert(H[from] > 0)    /* nobody sends again what he let go of */
    :: else
    fi;
    if
    :: linked[to] ->
        if
        :: k && to != owner -> H[to]++
        :: else
        fi;
        tell(to, kind, k)
    :: else -> zero_check()
    fi
}

proctype Link(byte n) {
    byte k;
end:
    do
    :: atomic { up[n]?[CALL(_)] ->
        up[n]?CALL(k);
        if
        :: linked[n] -> forward(A, B, CALL)
        :: else
        fi;
        k = 0 }
    :: atomic { up[n]?[REPLY(_)] ->
        up[n]?REPLY(k);
        if
        :: linked[n] -> forward(B, A, REPLY)
        :: else
        fi;
        k = 0 }
    :: atomic { up[n]?[RELEASE(_)] ->
        up[n]?RELEASE(k);
        if
        :: linked[n] -> assert(H[n] >= k); H[n] = H[n] - k; zero_check()
        :: else
        fi;
        k = 0 }
    :: atomic { up[n]?[ACK(_)] ->
        up[n]?ACK(_);
        if
        :: linked[n] && linked[B] -> tell(B, ACK, 0)
        :: else                                     /* B asks again on its new link */
        fi }
    :: atomic { up[n]?[ASK(_)] ->
        up[n]?ASK(_);
        if
        :: linked[n] && linked[A] -> tell(A, ASK, 0)
        :: else                                     /* B is told of A's new link, and asks again */
        fi }
    :: atomic { up[n]?[HELLO(_)] ->
        up[n]?HELLO(k);
        hellos[n]--;
        linked[n] = true;
        known[n] = true;
        if
        :: n == owner -> E = k
        :: else -> H[n] = k
        fi;
        k = 0;
        if
        :: n == A -> tell(B, RELINKED, 0)
        :: n == B -> tell(A, RELINKED, 0)
        :: else
        fi;
        zero_check() }
    :: atomic { n != O && linked[n] && losses < LOSSES -> losses++; linked[n] = false }
    od
}

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
            discard(up[n])
        }
        n = 0 }
    :: atomic { recovering && known[A] && known[B] && known[O] ->
        recovering = false;
        zero_check() }
    od
}

/* A queue that is full would stop its sender in the middle of a step. */
#define isFull(queue) (len(queue) == ROOM)
#define upFull (isFull(up[0]) || isFull(up[1]) || isFull(up[2]))
#define downFull (isFull(down[0]) || isFull(down[1]) || isFull(down[2]))
proctype Room() {
end:
    upFull || downFull -> assert(false)
}

init {
    byte n;
    atomic {
        for (n : 0 .. 2) { linked[n] = true; known[n] = true }
        n = 0;
        if
        :: owner = A; argument = true; token[A] = true
        :: owner = B; token[B] = true
        :: owner = B; argument = true; token[A] = true; rcv[A] = 1; H[A] = 1; exp = 1; E = 1
        :: owner = O; argument = true; token[A] = true; rcv[A] = 1; H[A] = 1; exp = 1; E = 1
        fi;
        run Caller(); run Callee(); run ThirdOwner();
        run Link(A); run Link(B); run Link(O); run Restart(); run Room()
    }
}

/* When nobody's program uses the object any more it is freed: calls and answers let it go. */
ltl alive { (<> [] (!token[0] && !token[1] && !token[2])) -> <> freed }
