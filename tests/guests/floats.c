/* Floating point as C sees it: printing, parsing, rounding, conversions, the mathematics library.
 */
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t bits(double value)
{
    uint64_t result;
    memcpy(&result, &value, sizeof result);
    return result;
}

int main(void)
{
    volatile double third = 1.0 / 3, zero = 0.0, big = 4294967295.5, negative = -2.5;
    volatile float single = 16777217.0f;
    volatile uint64_t large = 0xffffffffffffffffu, odd = 9007199254740993u;

    printf("%.17g %g %e %.3f %a\n", third, 1e100, 12345.678, 2.0005, 0.1);
    printf("%g %g %g %g\n", 1 / zero, -1 / zero, zero, -zero);
    printf("nan: %d %d %d\n", zero / zero != zero / zero, isnan(zero / zero), isinf(1 / zero));
    printf("%g %g %g %g\n", floor(negative), ceil(negative), trunc(negative), rint(negative));
    printf("%.9g %.17g %.17g\n", (double)single, (double)large, (double)odd);
    printf("%u %d %lld %llu\n", (unsigned)big, (int)negative, (long long)1e18,
           (unsigned long long)1.8e19);
    printf("%.15g %.15g %.15g %.15g\n", sin(1.0), cos(1.0), exp(1.0), log(10.0));
    printf("%.15g %.15g %.15g %.15g\n", pow(2.0, 0.5), atan2(1.0, -1.0), cbrt(27.0),
           fmod(-7.5, 2.0));
    printf("%016llx %016llx %016llx\n", (unsigned long long)bits(strtod("0.1", NULL)),
           (unsigned long long)bits(strtod("4.9e-324", NULL)),
           (unsigned long long)bits(strtod("1.7976931348623157e308", NULL)));
    printf("%g %g %d\n", fmin(-0.0, 0.0), fmax(zero / zero, 3.0),
           signbit(copysign(1.0, -0.0)) != 0);
    printf("%.17g %.17g\n", fma(third, 3.0, -1.0), sqrt(2.0));
    printf("%.9g %.9g\n", (double)sqrtf(2.0f), (double)(1.0f / 3));
    return 0;
}
