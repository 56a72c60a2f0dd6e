/* SPDX-License-Identifier: Apache-2.0 */
/* siphash.h - SipHash-2-4: a short keyed hash (Aumasson, Bernstein 2012) */
#ifndef AIGW_CORE_SIPHASH_H
#define AIGW_CORE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

/*
 * With a secret random key nobody can choose inputs that collide; with a fixed
 * one the value is the same in every process and on every machine.
 */
struct aigw_sip {
	uint64_t key[2];
};

uint64_t aigw_siphash(struct aigw_sip key, const void *p, size_t n);

#endif
