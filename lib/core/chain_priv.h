/* SPDX-License-Identifier: Apache-2.0 */
/* chain_priv.h - what stages that are not plain filters need of a chain */
#ifndef AIGW_CORE_CHAIN_PRIV_H
#define AIGW_CORE_CHAIN_PRIV_H

#include "core/env_priv.h"

/* A verdict of its own: apply() has consumed the envelope (a chunk that went
 * into a child; what comes out is injected). */
#define AIGW_TAKEN 2

/* Work goes on here after end(): the chain does not end until it is over. */
void aigw_stage_busy(struct aigw_stage *stage, bool busy);
/* This stage's queue cannot take more, or can again. */
void aigw_stage_full(struct aigw_stage *stage, bool full);
/* May this stage pass things on, or are those behind it full? When not, its
 * room() is called later. */
bool aigw_stage_may_emit(struct aigw_stage *stage);
/* Send an envelope (taken) on from this stage. */
void aigw_stage_inject(struct aigw_stage *stage, struct aigw_env *env);

#endif
