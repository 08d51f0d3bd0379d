/* The kernels of the control step once more, in C, written from what is specified and not from how
   lib/packwarden computes it. The specification: lib/README.md ("How a level operates", "Fixed
   point"), and the docstrings of packwarden.fixed, frame, measure, thermistor and compare.

   The tests compare both bit for bit; `packwarden bench` takes this as the limit of speed. */

#ifndef ORACLE_H
#define ORACLE_H

#include <stdint.h>

/* A value v is stored as v + BIAS. */
enum {
    NONE = 0,  /* there is no value */
    ASIDE = 1, /* has no part in it: below every pickup and dropout */
    BIAS = 1 << 29
};

#define CLOCK_MASK ((UINT32_C(1) << 30) - 1) /* milliseconds and conversions wrap here */

/* What is told once about a bank. */
struct bank {
    int32_t batteries;
    int32_t supply, main_shunt; /* 1: wired, and then a channel each, in this order */
    int32_t gain;               /* of the thermistors' bridge, 1 is 2^15 */
    int32_t quantities;         /* places of what the levels watch */
    int32_t rows;
    int64_t current[2], voltage[2], main[2]; /* numerator, denominator: mA or mV per count */
    const int32_t *table;                    /* 513 temperatures, biased 0.01 degC */
    const int32_t *corrections; /* an offset of each channel, then a gain of each; both biased */
    const int32_t *row;                      /* of the element table, as `compare.Slots` keeps them */
};

/* measure.c */
struct meter {
    int32_t batteries, supply, main_shunt, gain;
    int64_t current, voltage, main; /* see ratio() */
    const int32_t *table, *offsets, *gains;
};

int64_t ratio(int64_t numerator, int64_t denominator);
void scale(const int32_t *held, int32_t *values, int32_t first, int32_t last, int64_t ratio,
           const int32_t *offsets, const int32_t *gains);
void temperatures(const int32_t *held, int32_t *values, int32_t first, int32_t last,
                  int32_t reference, int32_t gain, const int32_t *table, const int32_t *offsets);
struct meter meter_of(const struct bank *bank);
int32_t channels_of(const struct bank *bank);
void measure(const struct meter *meter, const int32_t *held, int32_t *values);

/* compare.c */
enum state { IDLE, PICKED_UP, WAVERING, OPERATED, RETURNING };

struct slot {
    int32_t state;
    uint32_t since_ms; /* when it picked up, or began to return */
    uint32_t base;     /* conversions of its channel when they began to agree */
};

struct condition {
    int32_t place, step; /* of the first slot's quantity, and to the next one's */
    int32_t pickup, dropout; /* a dropout of ASIDE is sealed: no value lets go */
};

struct level {
    struct condition own, second;
    int32_t channel, channel_step;
    int32_t latch;
    int32_t first, count; /* its slots */
    uint32_t delay_ms, reset_ms;
    uint32_t needed; /* conversions that must agree, after the first */
};

struct level level_of(const int32_t *row);
int32_t compare(const struct level *levels, int32_t rows, struct slot *slots,
                const int32_t *values, const int32_t *conversions, uint32_t now_ms, int gap,
                uint16_t *changed);

/* replay.c */
int32_t replay(const struct bank *bank, int32_t frames, const int32_t *in, int32_t *out);
double frame_us(const struct bank *bank, const int32_t *in, int32_t batches);

#endif
