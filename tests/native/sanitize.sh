#!/bin/sh
# Builds the core with warnings as errors, then fuzzes it under AddressSanitizer and UndefinedBehaviorSanitizer.
#     sh tests/native/sanitize.sh [DESCRIPTIONS]
set -eu
cd "$(dirname "$0")/../.."
CXX=${CXX:-g++}
OUT=build/sanitize
STRICT="-std=c++17 -ffp-contract=off -fno-math-errno -fno-exceptions -Wall -Wextra -Werror"
SANITIZE="-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"
mkdir -p "$OUT"
rm -f "$OUT"/*.o

compile() { # source, flags for this source
    source=$1
    shift
    # shellcheck disable=SC2086
    $CXX $STRICT $SANITIZE "$@" -c "src/native/$source.cpp" -o "$OUT/$source.o"
}

WIDE="-mavx2 -mfma -mavx512f -mavx512bw -mavx512dq -mavx512vl"
case "$(uname -m)" in
x86_64)
    compile core_avx2 -mavx2 -mfma
    # GCC 12's own header of AVX-512 makes these two warnings.
    compile core_avx512 $WIDE -Wno-uninitialized -Wno-maybe-uninitialized
    ;;
*)
    compile core_avx2
    compile core_avx512
    ;;
esac
for file in src/native/*.cpp; do
    source=$(basename "$file" .cpp)
    case "$source" in core_avx*) ;; *) compile "$source" ;; esac
done
# shellcheck disable=SC2086
$CXX -std=c++17 $SANITIZE -Wall -Wextra -Werror tests/native/fuzz.cpp "$OUT"/*.o -o "$OUT/fuzz"
"$OUT/fuzz" "${1:-100000}"
