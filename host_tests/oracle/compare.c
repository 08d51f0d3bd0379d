/* How a level operates: picks up, operates after its delay and its conversions, clears. */

#include <stdbool.h>

#include "oracle.h"

static uint32_t passed(uint32_t now, uint32_t since)
{
    return (now - since) & CLOCK_MASK;
}

static bool below_dropout(const struct condition *condition, int32_t value)
{
    return value != NONE && value < condition->dropout;
}

/* A row's fields are numbered in packwarden/compare.py. */
struct level level_of(const int32_t *row)
{
    return (struct level){
        .own = {.place = row[0], .step = 1, .pickup = row[1], .dropout = row[2]},
        .second = {.place = row[3], .step = row[4], .pickup = row[5], .dropout = row[6]},
        .delay_ms = (uint32_t)row[7],
        .needed = (uint32_t)row[8],
        .channel = row[9],
        .channel_step = row[10],
        .reset_ms = (uint32_t)row[11],
        .latch = row[12],
        .first = row[13],
        .count = row[14],
    };
}

/* An operated level: whether it clears now. What has no value says neither well nor ill. */
static bool clears(const struct level *level, struct slot *slot, bool well, uint32_t now_ms)
{
    if (level->latch)
        return false;
    if (!well) {
        slot->state = OPERATED;
        return false;
    }
    if (slot->state == OPERATED) {
        slot->state = RETURNING;
        slot->since_ms = now_ms;
    }
    if (passed(now_ms, slot->since_ms) < level->reset_ms)
        return false;
    slot->state = IDLE;
    return true;
}

/* One that has not operated: whether it does now. `ends`: its pickup is over; `agrees`: this
   sample is above the pickup, and so is the second condition. */
static bool operates(const struct level *level, struct slot *slot, bool ends, bool agrees,
                     uint32_t conversions, uint32_t now_ms, bool gap)
{
    if (slot->state == IDLE) {
        if (!agrees)
            return false;
        slot->since_ms = now_ms;
    } else if (ends) {
        slot->state = IDLE;
        return false;
    } else if (!agrees) {
        slot->state = WAVERING;
        return false;
    }
    if (slot->state != PICKED_UP || gap)
        slot->base = conversions;
    slot->state = PICKED_UP;
    if (passed(now_ms, slot->since_ms) < level->delay_ms ||
        passed(conversions, slot->base) < level->needed)
        return false;
    slot->state = OPERATED;
    return true;
}

/* Looks at item i, which is not idle or has crossed its pickup; whether it operates or clears. */
static bool judge(const struct level *level, struct slot *slot, int32_t i, const int32_t *values,
                  const int32_t *conversions, uint32_t now_ms, bool gap)
{
    const struct condition *own = &level->own, *second = &level->second;
    int32_t first = values[own->place + i * own->step];
    int32_t other = values[second->place + i * second->step];
    bool lets_go = below_dropout(second, other);

    if (slot->state == OPERATED || slot->state == RETURNING)
        return clears(level, slot, below_dropout(own, first) || lets_go, now_ms);
    bool unknown = first == NONE || other == NONE;
    bool ends = unknown || lets_go || below_dropout(own, first);
    bool agrees = !unknown && first >= own->pickup && other >= second->pickup;
    uint32_t counted = (uint32_t)conversions[level->channel + i * level->channel_step];
    return operates(level, slot, ends, agrees, counted, now_ms, gap);
}

/* Every slot of all rows; `changed` gets row << 5 | item of those that operated or cleared, in
   the order of the rows. Returns how many. */
int32_t compare(const struct level *levels, int32_t rows, struct slot *slots,
                const int32_t *values, const int32_t *conversions, uint32_t now_ms, int gap,
                uint16_t *changed)
{
    int32_t found = 0;

    for (int32_t r = 0; r < rows; r++) {
        const struct level *level = &levels[r];
        const int32_t *watched = values + level->own.place;
        struct slot *slot = slots + level->first;
        for (int32_t i = 0; i < level->count; i++, slot++) {
            if (slot->state == IDLE && watched[i] < level->own.pickup)
                continue;
            if (judge(level, slot, i, values, conversions, now_ms, gap != 0))
                changed[found++] = (uint16_t)(r << 5 | i);
        }
    }
    return found;
}
