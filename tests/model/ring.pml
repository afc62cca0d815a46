/* SPDX-License-Identifier: MIT */

/*
 * The notify protocol of transports/ring.c: who sleeps is woken.
 *
 * Two sides send each other MESSAGES messages through rings of SIZE, publish
 * their indices, tell each other when they were asked to, and ask, look again
 * and sleep when there is nothing to do. Each has a processor with a store
 * buffer, as x86 has: what it stores is seen by the other at any later time,
 * though in order; a locked instruction waits until the buffer is empty.
 *
 * A lost wake-up is a state in which nobody can go on and somebody is not
 * done: an invalid end state to spin. What can be left out, to see that spin
 * finds it:
 *
 *   STORE_IS_BUFFERED    publish() without the order that it demands
 *   ASK_IS_BUFFERED      ring_arm() asks by a load and a store
 *   NO_SECOND_LOOK       ring_arm() does not look again
 *   TELL_CLEARS_LATE     tell() rings first, and takes the request back then
 *   PEER_IS_UPSTREAM     side 1 tells as libxenvchan does, which is right
 */

#ifndef MESSAGES
#define MESSAGES 2
#endif
#ifndef SIZE
#define SIZE 1
#endif

#define WRITE 1 /* tell me when you have written */
#define READ  2 /* tell me when you have read */

/* What both see: each side's index in either ring, and what is asked of it. */
#define PROD(side) (side)
#define CONS(side) (2 + side)
#define ASKED(side) (4 + side)
byte memory[6];

bool event[2]; /* the port's pending bit */

chan buffer[2] = [4] of { byte, byte };

#define fence() empty(buffer[me])

inline store(place, value)
{
	buffer[me]!place, value
}

/* Sequentially consistent: a store and a full fence, as xchg is. */
inline publish(place, value)
{
	store(place, value);
#ifndef STORE_IS_BUFFERED
	fence()
#endif
}

/* The processor's own: it writes what is in its buffer whenever it likes. */
proctype drain(byte me)
{
	byte place, value;
end:
	do
	:: atomic { buffer[me]?place, value -> memory[place] = value }
	od
}

inline ask(bits)
{
#ifdef ASK_IS_BUFFERED
	word = memory[ASKED(peer)];
	store(ASKED(peer), word | (bits))
#else
	atomic {
		fence();
		memory[ASKED(peer)] = memory[ASKED(peer)] | (bits)
	}
#endif
}

/* What was asked for is here, and nobody sleeps. */
inline take_back(bits)
{
	atomic {
		fence();
		memory[ASKED(peer)] = memory[ASKED(peer)] & ~(bits)
	}
}

inline take_request(bits)
{
	atomic {
		fence();
		word = memory[ASKED(me)];
		memory[ASKED(me)] = word & ~(bits)
	}
}

/* A plain load first, and the locked instruction only if it says so. */
inline tell(bits)
{
	if
#ifdef PEER_IS_UPSTREAM
	:: me == 1 -> fence(); word = bits
	:: me == 0 -> word = memory[ASKED(me)]
#else
	:: word = memory[ASKED(me)]
#endif
	fi;
	if
	:: word & (bits) ->
#ifdef TELL_CLEARS_LATE
		event[peer] = true;
		take_request(bits)
#else
		take_request(bits);
		if
		:: word & (bits) -> event[peer] = true
		:: else
		fi
#endif
	:: else
	fi
}

#define has_bytes() (memory[PROD(peer)] != got)
#define has_room()  (sent < MESSAGES && sent - memory[CONS(peer)] < SIZE)

proctype side(byte me)
{
	byte peer = 1 - me;
	byte sent, got, done, word;

	do
	:: sent == MESSAGES && got == MESSAGES -> break
	:: else ->
		done = 0;
		/* A turn takes and gives as much as it likes, or nothing. */
		do
		:: has_bytes() -> got++; done = done | READ
		:: has_room() -> sent++; done = done | WRITE
		:: break
		od;
		if
		:: done & WRITE -> publish(PROD(me), sent)
		:: else
		fi;
		if
		:: done & READ -> publish(CONS(me), got)
		:: else
		fi;
		if
		:: done -> tell(done)
		:: else ->
			ask(WRITE | (sent < MESSAGES -> READ : 0));
			if
#ifndef NO_SECOND_LOOK
			:: has_bytes() -> take_back(WRITE | READ)
			:: !has_bytes() ->
				if
				:: has_room() -> take_back(WRITE | READ)
				:: else -> atomic { event[me]; event[me] = false }
				fi
#else
			:: atomic { event[me]; event[me] = false }
#endif
			fi
		fi
	od
}

init {
	atomic {
		run drain(0);
		run drain(1);
		run side(0);
		run side(1)
	}
}
