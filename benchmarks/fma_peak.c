// Fused multiply-adds that need not wait for each other, for the time that is asked for; prints operations a second.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#if defined(__AVX512F__)
#define BYTES 64
#elif defined(__AVX2__)
#define BYTES 32
#else
#define BYTES 16
#endif
typedef float Wide __attribute__((vector_size(BYTES)));
enum { kLanes = BYTES / 4, kChains = 12, kRounds = 1000000 };

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

int main(int argc, char** argv) {
    const double until = seconds() + (argc > 1 ? atof(argv[1]) : 1.0);
    Wide sums[kChains];
    for (int i = 0; i < kChains; ++i) sums[i] = (Wide){0} + (float)i;
    double best = 0.0;
    for (double start = seconds(); start < until; start = seconds()) {
        for (long round = 0; round < kRounds; ++round) {
#pragma GCC unroll 12
            for (int i = 0; i < kChains; ++i) sums[i] = sums[i] * 0.999F + 0.001F;
        }
        const double speed = 2.0 * kLanes * kChains * kRounds / (seconds() - start);
        if (speed > best) best = speed;
    }
    float sum = 0.F;
    for (int i = 0; i < kChains; ++i) sum += sums[i][0];
    printf("%.6g %g\n", best, (double)sum);
    return 0;
}
