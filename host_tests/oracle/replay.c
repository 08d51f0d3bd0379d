/* Frames through the kernels: what comes in and goes out is one record of integers per frame,
   see host_tests/oracle/windows.py. And how long a frame takes. */

#define _POSIX_C_SOURCE 199309L

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "oracle.h"

struct kernels {
    struct meter meter;
    int32_t channels, quantities, rows, slot_count;
    struct level *levels;
    struct slot *slots;
    int32_t *measured;
    uint16_t *changed;
};

static void end(struct kernels *kernels)
{
    free(kernels->levels);
    free(kernels->slots);
    free(kernels->measured);
    free(kernels->changed);
}

/* Every slot idle. Returns 0 where there is no memory. */
static int begin(struct kernels *kernels, const struct bank *bank)
{
    *kernels = (struct kernels){
        .meter = meter_of(bank),
        .channels = channels_of(bank),
        .quantities = bank->quantities,
        .rows = bank->rows,
        .levels = calloc((size_t)bank->rows, sizeof(struct level)),
    };
    if (kernels->levels == NULL)
        return 0;
    for (int32_t r = 0; r < bank->rows; r++) {
        kernels->levels[r] = level_of(bank->row + 16 * r);
        kernels->slot_count += kernels->levels[r].count;
    }
    kernels->slots = calloc((size_t)kernels->slot_count, sizeof(struct slot));
    kernels->changed = calloc((size_t)kernels->slot_count, sizeof(uint16_t));
    kernels->measured = calloc((size_t)kernels->channels, sizeof(int32_t));
    if (kernels->slots != NULL && kernels->changed != NULL && kernels->measured != NULL)
        return 1;
    end(kernels);
    return 0;
}

/* One frame; returns how many slots have changed. */
static int32_t frame(struct kernels *kernels, const int32_t *in)
{
    const int32_t *held = in + 3, *fresh = held + kernels->channels;
    const int32_t *values = fresh + kernels->channels;
    const int32_t reset = in[2];

    if (reset >= 0 && kernels->slots[reset].state == OPERATED)
        kernels->slots[reset].state = IDLE;
    measure(&kernels->meter, held, kernels->measured);
    return compare(kernels->levels, kernels->rows, kernels->slots, values, fresh, (uint32_t)in[0],
                   in[1], kernels->changed);
}

static int32_t *told(const struct kernels *kernels, int32_t found, int32_t *out)
{
    *out++ = found;
    memcpy(out, kernels->measured, (size_t)kernels->channels * sizeof *out);
    out += kernels->channels;
    for (int32_t i = 0; i < kernels->slot_count; i++)
        *out++ = i < found ? kernels->changed[i] : -1;
    for (int32_t i = 0; i < kernels->slot_count; i++)
        *out++ = kernels->slots[i].state;
    for (int32_t i = 0; i < kernels->slot_count; i++)
        *out++ = (int32_t)kernels->slots[i].since_ms;
    for (int32_t i = 0; i < kernels->slot_count; i++)
        *out++ = (int32_t)kernels->slots[i].base;
    return out;
}

/* Runs `frames` frames from idle slots. Returns 0 where there is no memory. */
int32_t replay(const struct bank *bank, int32_t frames, const int32_t *in, int32_t *out)
{
    struct kernels kernels;

    if (!begin(&kernels, bank))
        return 0;
    for (int32_t f = 0; f < frames; f++) {
        out = told(&kernels, frame(&kernels, in), out);
        in += 3 + 2 * kernels.channels + kernels.quantities;
    }
    end(&kernels);
    return 1;
}

/* Microseconds that one frame takes, the least of `batches` batches; below 0 without memory. */
double frame_us(const struct bank *bank, const int32_t *in, int32_t batches)
{
    enum { FRAMES = 1000 };
    struct kernels kernels;
    struct timespec from, to;
    double least = -1;

    if (!begin(&kernels, bank))
        return least;
    for (int32_t b = 0; b < batches; b++) {
        clock_gettime(CLOCK_MONOTONIC, &from);
        for (int f = 0; f < FRAMES; f++)
            frame(&kernels, in);
        clock_gettime(CLOCK_MONOTONIC, &to);
        double us = (double)(to.tv_sec - from.tv_sec) * 1e6 + (double)(to.tv_nsec - from.tv_nsec) / 1e3;
        if (least < 0 || us < least)
            least = us;
    }
    end(&kernels);
    return least / FRAMES;
}
