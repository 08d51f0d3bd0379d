/* Believed counts to mA, mV and 0.01 degC, by exact 64-bit arithmetic and one rounding each. */

#include "oracle.h"

enum { RATIO_BITS = 20, FULL_RATIO = 32767, SEGMENT = 64 };

/* Floor, also below zero. */
static int64_t over_power_of_two(int64_t number, int bits)
{
    return number >> bits; /* gcc shifts negative numbers arithmetically */
}

/* The nearest multiple of 2^-20 to a positive ratio, upwards from half way. */
int64_t ratio(int64_t numerator, int64_t denominator)
{
    return ((numerator << RATIO_BITS) + denominator / 2) / denominator;
}

/* The product of an integer and a number of 2^-20, rounded upwards from half way. */
static int64_t product(int64_t number, int64_t ratio)
{
    const int64_t half = INT64_C(1) << (RATIO_BITS - 1);

    return over_power_of_two(number * ratio + half, RATIO_BITS);
}

/* The product of count and ratio, rounded; to it the product of that and the channel's gain,
   rounded, and the channel's offset. */
void scale(const int32_t *held, int32_t *values, int32_t first, int32_t last, int64_t ratio,
           const int32_t *offsets, const int32_t *gains)
{
    for (int32_t ch = first; ch < last; ch++) {
        int64_t value = product(held[ch] - BIAS, ratio);
        value += product(value, gains[ch] - BIAS) + offsets[ch] - BIAS;
        values[ch] = held[ch] == NONE ? NONE : BIAS + (int32_t)value;
    }
}

/* The ratio to the excitation, by way of the reference resistor, cut to 15 binary places; then on
   the straight line between two places of the table, rounded down, to which the channel's offset
   is added. The reference has to have a count, and one above zero. */
void temperatures(const int32_t *held, int32_t *values, int32_t first, int32_t last,
                  int32_t reference, int32_t gain, const int32_t *table, const int32_t *offsets)
{
    int64_t whole = held[reference] == NONE ? 0 : held[reference] - BIAS;

    for (int32_t ch = first; ch < last; ch++) {
        if (whole <= 0 || held[ch] == NONE) {
            values[ch] = NONE;
            continue;
        }
        int64_t part = (int64_t)(held[ch] - BIAS) * gain / whole;
        if (part > FULL_RATIO)
            part = FULL_RATIO;
        int64_t beyond = part % SEGMENT;
        const int32_t *ends = table + part / SEGMENT;
        values[ch] = (int32_t)((ends[0] * (SEGMENT - beyond) + ends[1] * beyond) / SEGMENT);
        values[ch] += offsets[ch] - BIAS;
    }
}

struct meter meter_of(const struct bank *bank)
{
    return (struct meter){
        .batteries = bank->batteries,
        .supply = bank->supply,
        .main_shunt = bank->main_shunt,
        .gain = bank->gain,
        .current = ratio(bank->current[0], bank->current[1]),
        .voltage = ratio(bank->voltage[0], bank->voltage[1]),
        .main = ratio(bank->main[0], bank->main[1]),
        .table = bank->table,
        .offsets = bank->corrections,
        .gains = bank->corrections + channels_of(bank),
    };
}

int32_t channels_of(const struct bank *bank)
{
    return 4 * bank->batteries + 3 + bank->supply + bank->main_shunt;
}

/* All channels of a frame: N currents, N voltages and the busbar's, 2N terminals and the ambient,
   the reference resistor, which is no temperature; the supply in mV, the main shunt. */
void measure(const struct meter *meter, const int32_t *held, int32_t *values)
{
    const int32_t n = meter->batteries;
    const int32_t reference = 4 * n + 2;
    int32_t next = reference + 1;

    scale(held, values, 0, n, meter->current, meter->offsets, meter->gains);
    scale(held, values, n, 2 * n + 1, meter->voltage, meter->offsets, meter->gains);
    temperatures(held, values, 2 * n + 1, reference, reference, meter->gain, meter->table,
                 meter->offsets);
    if (meter->supply) {
        values[next] = held[next];
        next++;
    }
    if (meter->main_shunt)
        scale(held, values, next, next + 1, meter->main, meter->offsets, meter->gains);
}
