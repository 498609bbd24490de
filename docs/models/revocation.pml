/* Part of objbus. SPDX-License-Identifier: Apache-2.0
 * No call starts under a right that was revoked before (docs/protocol/references.md §4-§7).
 *
 * Node 0 owns one object, gives it out, publishes it, revokes. Node 1 holds it and calls it, and is no
 * friend: it keeps every seal that it ever had, claims with it when it likes, and in a HELLO restates
 * whichever it likes. It cannot make seals.
 *
 * Modelled: generations, of the object and of a holding; seals; tags and claims; publishing and
 * finding; revoking at any moment, also without a link and between HELLO and WELCOME; the fence behind
 * REVOKE; messages that were made before a revocation and leave behind it; links lost; restarts of the
 * broker with a recovery window.
 *
 * Abstracted: `H` is only whether node 1 holds; its true counting is in holders.pml. Calls carry no
 * identity. The generation in a CALL is not on the wire: it is the right under which the broker let it
 * pass, for the assertion only.
 */
#ifndef GIVES
#define GIVES 2
#endif
#ifndef REVOKES
#define REVOKES 1
#endif
#ifndef USES
#define USES 3
#endif
#ifndef LOSSES
#define LOSSES 1
#endif
#ifndef RESTARTS
#define RESTARTS 1
#endif

#ifndef LATE
#define LATE 0
#endif

#define O 0
#define C 1
#define ROOM 12

mtype = { GIVE, PUBLISH, WITHDRAW, REVOKE, FENCE, UNREF, CALL, COPY, FIND, CLAIM, RELEASE, HELLO };

/* A generation, or a count; in the owner's HELLO and UNREF both. */
chan up[2] = [ROOM] of { mtype, byte, byte };
chan down[2] = [ROOM] of { mtype, byte, byte };

/* The owner. */
byte generation = 1, exp;
byte fence;          /* the REVOKE that the broker has to confirm; 0 for none */
byte fences;         /* they are numbered */
bit late;            /* revoked between HELLO and WELCOME */
bit published;
byte waiting;        /* the generation in a message that was made and has not left; 0 for none */
byte sent;           /* the same of one that has left, and is sent again after a new link */

/* The other one: a set of bits, by generation. */
byte seals;

/* The broker: its row of the object. */
byte E, rowGeneration = 1;
bit named, held;
byte heldGeneration;

bit linked[2], known[2], opening[2], recovering;
byte hellos[2];
byte gives, uses, losses, restarts;

#define current(n) (linked[n] && hellos[n] == 0)

inline discard(queue) {
    do
    :: nempty(queue) -> queue?_, _, _
    :: empty(queue) -> break
    od
}

inline tell(n, kind, a, b) {
    if
    :: current(n) -> down[n]!kind, a, b
    :: else
    fi
}

#define mayOpen(n) (losses < LOSSES || (!linked[n] && hellos[n] == 0))
inline open_link(n, a, b) {
    if
    :: linked[n] || hellos[n] > 0 -> losses++
    :: else
    fi;
    discard(down[n]);
    opening[n] = true;
    up[n]!HELLO, a, b;
    hellos[n]++
}

inline raise_fence() {
    fences++;
    fence = fences
}

inline send_revoke() {
    up[O]!REVOKE, generation, 0;
    up[O]!FENCE, fence, 0
}

proctype Owner() {
    byte a;
end:
    do
    :: atomic { !opening[O] && gives < GIVES ->
        gives++;
        exp++;
        if
        :: up[O]!GIVE, generation, 0
        :: published = true; up[O]!PUBLISH, generation, 0
        fi }
    :: atomic { LATE > 0 && gives < GIVES && waiting == 0 && sent == 0 -> gives++; waiting = generation }
    :: atomic { !opening[O] && waiting > 0 ->
        exp++;
        up[O]!GIVE, waiting, 0;
#ifndef REVOKED_ONLY_ONCE
        if
        :: waiting < generation ->
#ifndef REPEATED_WITHOUT_FENCE
            raise_fence();
#endif
            send_revoke()
        :: else
        fi;
#endif
        sent = waiting;
        waiting = 0 }
    :: atomic { sent > 0 -> sent = 0 }                      /* answered */
    :: atomic { !opening[O] && published -> published = false; up[O]!WITHDRAW, 0, 0 }
    :: atomic { generation <= REVOKES ->                    /* marks first */
        generation++;
#ifndef NO_FENCE
        raise_fence();
#endif
        if
        :: !opening[O] -> send_revoke()
        :: else ->
#ifndef REVOKE_WHILE_OPENING_LOST
            late = true
#else
            fence = 0
#endif
        fi }
    :: atomic { !opening[O] && down[O]?[CALL(_, _)] ->
        down[O]?CALL(a, _);
        if
        :: fence > 0                                        /* denied: sent under an old right */
        :: fence == 0 && exp == 0                           /* not found */
        :: fence == 0 && exp > 0 ->
#ifdef GOAL
            assert(generation == 1 || restarts < RESTARTS || losses < LOSSES);
#endif
            assert(a == generation)
        fi;
        a = 0 }
    :: atomic { !opening[O] && down[O]?[FENCE(_, _)] ->
        down[O]?FENCE(a, _);
        if
        :: a == fence -> fence = 0
        :: else
        fi;
        a = 0 }
    :: atomic { !opening[O] && down[O]?[UNREF(_, _)] ->
        down[O]?UNREF(a, _);
        assert(exp >= a);
        exp = exp - a;
        a = 0 }
    :: atomic { mayOpen(O) ->
        late = false;
        open_link(O, exp, generation) }
    :: atomic { opening[O] && current(O) ->                 /* WELCOME */
        opening[O] = false;
        if
        :: late -> late = false; send_revoke()
        :: else -> fence = 0                                /* HELLO has told the generation */
        fi;
        if
        :: sent > 0 && waiting == 0 -> waiting = sent; sent = 0
        :: else
        fi }
    od
}

#define has(g) (seals & (1 << g))

/* Chooses a generation of which it has a seal. */
inline choose() {
    if
#ifdef TAG_WITHOUT_GENERATION
    :: seals -> a = 1
    :: seals -> a = 2
#else
    :: has(1) -> a = 1
    :: has(2) -> a = 2
    :: has(3) -> a = 3
#endif
    :: a = 0
    fi
}

proctype Holder() {
    byte a;
end:
    do
    :: atomic { !opening[C] && uses < USES ->
        uses++;
        if
        :: up[C]!CALL, 0, 0
        :: up[C]!FIND, 0, 0
        :: up[C]!RELEASE, 0, 0
        :: choose();
           if
           :: a > 0 -> up[C]!CLAIM, a, 0
           :: else
           fi;
           a = 0
        fi }
    :: atomic { !opening[C] && down[C]?[COPY(_, _)] ->
        down[C]?COPY(a, _);
        seals = seals | (1 << a);
        a = 0 }
    :: atomic { mayOpen(C) ->
        choose();
        open_link(C, a, 0);
        a = 0 }
    :: atomic { opening[C] && current(C) -> opening[C] = false }
    od
}

/* A row in which nothing stands is gone, and its generation with it. */
inline forget_row() {
    if
    :: !held && !named && E == 0 -> rowGeneration = 1
    :: else
    fi
}

inline zero_check() {
    if
    :: !held && !named && E > 0 && linked[O] && !recovering ->
        tell(O, UNREF, E, 0);
        E = 0
    :: else
    fi;
    forget_row()
}

inline raise(g) {
    if
    :: rowGeneration < g -> rowGeneration = g
    :: else
    fi
}

inline grant(g) {
    if
    :: !held || heldGeneration < g -> heldGeneration = g
    :: else
    fi;
    held = true;
    tell(C, COPY, g, 0)
}

proctype OwnerLink() {
    byte a, b;
end:
    do
    :: atomic { up[O]?[GIVE(_, _)] ->
        up[O]?GIVE(a, _);
        if
        :: linked[O] ->
            E++;
#ifndef REFUSED_WITHOUT_GENERATION
            raise(a);
#endif
            if
            :: linked[C] -> raise(a); grant(a)
            :: true -> zero_check()                         /* not deliverable */
            fi
        :: else
        fi;
        a = 0 }
    :: atomic { up[O]?[PUBLISH(_, _)] ->
        up[O]?PUBLISH(a, _);
        if
        :: linked[O] ->
            E++;
#ifndef PUBLISHED_WITHOUT_GENERATION
            raise(a);
#endif
            named = true
        :: else
        fi;
        a = 0 }
    :: atomic { up[O]?[WITHDRAW(_, _)] ->
        up[O]?WITHDRAW(_, _);
        if
        :: linked[O] -> named = false; zero_check()
        :: else
        fi }
    :: atomic { up[O]?[REVOKE(_, _)] ->
        up[O]?REVOKE(a, _);
        if
        :: linked[O] && (held || named || E > 0) -> raise(a)
        :: else
        fi;
        a = 0 }
    :: atomic { up[O]?[FENCE(_, _)] ->
        up[O]?FENCE(a, _);
        if
        :: linked[O] -> tell(O, FENCE, a, 0)
        :: else
        fi;
        a = 0 }
    :: atomic { up[O]?[HELLO(_, _)] ->
        up[O]?HELLO(a, b);
        hellos[O]--;
        linked[O] = true;
        known[O] = true;
        E = a;
#ifndef RESTART_WITHOUT_GENERATIONS
        if
        :: a > 0 -> rowGeneration = b
        :: else
        fi;
#endif
#ifndef UNLISTED_HOLDINGS_KEPT
        if
        :: a == 0 -> heldGeneration = 0         /* nobody holds what is not given out */
        :: else
        fi;
#endif
        zero_check();
        a = 0; b = 0 }
    :: atomic { linked[O] && losses < LOSSES -> losses++; linked[O] = false }
    od
}

#ifdef REVOKED_MAY_CALL
#define allowed true
#else
#define allowed (heldGeneration >= rowGeneration)
#endif
#ifdef UNLISTED_HOLDINGS_KEPT
#define isListed true
#else
#define isListed (!known[O] || E > 0)
#endif
#ifdef VOID_HOLDING_CLAIMED
#define isAlive true
#else
#define isAlive isListed
#endif

proctype HolderLink() {
    byte a;
end:
    do
    :: atomic { up[C]?[CALL(_, _)] ->
        up[C]?CALL(_, _);
        if
        :: linked[C] && held && linked[O] && allowed -> tell(O, CALL, heldGeneration, 0)
        :: else
        fi }
    :: atomic { up[C]?[FIND(_, _)] ->
        up[C]?FIND(_, _);
        if
        :: linked[C] && named -> grant(rowGeneration)
        :: else
        fi }
    :: atomic { up[C]?[CLAIM(_, _)] ->
        up[C]?CLAIM(a, _);
        if
        :: linked[C] && (held || named) && isAlive && a >= rowGeneration -> grant(a)
        :: else
        fi;
        a = 0 }
    :: atomic { up[C]?[RELEASE(_, _)] ->
        up[C]?RELEASE(_, _);
        if
        :: linked[C] && held -> held = false; zero_check()
        :: else
        fi }
    :: atomic { up[C]?[HELLO(_, _)] ->
        up[C]?HELLO(a, _);
        hellos[C]--;
        linked[C] = true;
        if
        :: a > 0 && (held || recovering) ->
            held = true;
            heldGeneration = (isListed -> a : 0)
        :: else -> held = false
        fi;
        known[C] = true;
        a = 0;
        zero_check() }
    :: atomic { linked[C] && losses < LOSSES -> losses++; linked[C] = false }
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
        held = false;
        named = false;
        rowGeneration = 1;
        for (n : 0 .. 1) {
            linked[n] = false;
            known[n] = false;
            hellos[n] = 0;
            discard(up[n])
        }
        n = 0 }
    :: atomic { recovering && known[O] && known[C] -> recovering = false; zero_check() }
    od
}

#define isFull(queue) (len(queue) == ROOM)
#define upFull (isFull(up[0]) || isFull(up[1]))
#define downFull (isFull(down[0]) || isFull(down[1]))
proctype Room() {
end:
    upFull || downFull -> assert(false)
}

init {
    atomic {
        linked[O] = true; linked[C] = true;
        known[O] = true; known[C] = true;
        run Owner(); run Holder(); run OwnerLink(); run HolderLink(); run Restart(); run Room()
    }
}

/* A revocation is confirmed in the end: calls of new rights are not denied for ever. */
ltl confirmed { [] (fence > 0 -> <> (fence == 0)) }
