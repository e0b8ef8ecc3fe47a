// What AVX2 and AVX-512 do alike.
#pragma once
#include <immintrin.h>

namespace shoal {
namespace {

// Rows of `from` become columns of `to`; both with 16 floats from row to row. In vectors of 8 with AVX-512, too: those of
// 16 take a Zen 4 half as long again.
inline void transpose_16x16(const float* from, float* to) {
#pragma GCC unroll 2
    for (int i = 0; i < 16; i += 8)
#pragma GCC unroll 4
        for (int j = 0; j < 16; j += 4) {
            __m256 r[4];  // r[k]: in every 128-bit lane L, columns j to j + 3 of row i + 4 L + k
#pragma GCC unroll 4
            for (int k = 0; k < 4; ++k) {
                const float* row = from + 16 * (i + k) + j;
                r[k] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(row)), _mm_loadu_ps(row + 64), 1);
            }
            const __m256 low01 = _mm256_unpacklo_ps(r[0], r[1]), high01 = _mm256_unpackhi_ps(r[0], r[1]);
            const __m256 low23 = _mm256_unpacklo_ps(r[2], r[3]), high23 = _mm256_unpackhi_ps(r[2], r[3]);
            _mm256_storeu_ps(to + 16 * j + i, _mm256_shuffle_ps(low01, low23, 0x44));
            _mm256_storeu_ps(to + 16 * (j + 1) + i, _mm256_shuffle_ps(low01, low23, 0xEE));
            _mm256_storeu_ps(to + 16 * (j + 2) + i, _mm256_shuffle_ps(high01, high23, 0x44));
            _mm256_storeu_ps(to + 16 * (j + 3) + i, _mm256_shuffle_ps(high01, high23, 0xEE));
        }
}

// Sums of 8 rows of 16 floats, each by halving. In vectors of 8 with AVX-512, too: the first halves are added as they are
// read, where vectors of 16 have to be shuffled.
inline __m256 sums_of_8_rows(const float* from) {
    __m256 eight[8], four[4], two[2];  // so many lanes are left of each row
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) {
        const float* row = from + 16 * (i % 2 * 4 + i / 2);
        eight[i] = _mm256_add_ps(_mm256_loadu_ps(row), _mm256_loadu_ps(row + 8));
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i)
        four[i] = _mm256_add_ps(_mm256_permute2f128_ps(eight[2 * i], eight[2 * i + 1], 0x20),
                                _mm256_permute2f128_ps(eight[2 * i], eight[2 * i + 1], 0x31));
#pragma GCC unroll 2
    for (int i = 0; i < 2; ++i)
        two[i] = _mm256_add_ps(_mm256_shuffle_ps(four[2 * i], four[2 * i + 1], 0x44),
                               _mm256_shuffle_ps(four[2 * i], four[2 * i + 1], 0xEE));
    return _mm256_add_ps(_mm256_shuffle_ps(two[0], two[1], 0x88), _mm256_shuffle_ps(two[0], two[1], 0xDD));
}

}  // namespace
}  // namespace shoal
