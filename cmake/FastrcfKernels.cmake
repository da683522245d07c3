# One kernel source, compiled once for each instruction set; the core chooses among them at run time.
include(CheckCXXCompilerFlag)
include(CheckCXXSourceCompiles)

# Asks the compiler, not the host: cross builds and macOS architectures come out right.
check_cxx_source_compiles(
  "#if !defined(__x86_64__) && !defined(_M_X64)
   #error other architecture
   #endif
   int main() { return 0; }"
  FASTRCF_X86_64
)

if(FASTRCF_X86_64)
  if(MSVC)
    set(FASTRCF_FLAGS_avx2 /arch:AVX2)
    set(FASTRCF_FLAGS_avx512 /arch:AVX512)
    set(FASTRCF_HAVE_AVX2 TRUE)
    set(FASTRCF_HAVE_AVX512 TRUE)
  else()
    set(FASTRCF_FLAGS_avx2 -mavx2 -mbmi -mbmi2 -mfma)
    set(FASTRCF_FLAGS_avx512 -mavx512f -mavx512vl -mavx512dq -mavx512bw -mavx512cd ${FASTRCF_FLAGS_avx2})
    check_cxx_compiler_flag(-mavx2 FASTRCF_HAVE_AVX2)
    check_cxx_compiler_flag(-mavx512f FASTRCF_HAVE_AVX512)
  endif()
endif()

# fastrcf_add_kernel(<core> <source> <isa> [<option>…]): one object library; its objects become part of <core>.
function(fastrcf_add_kernel core source isa)
  cmake_path(GET source STEM stem)
  set(target ${core}_${stem}_${isa})
  add_library(${target} OBJECT ${source})
  target_include_directories(
    ${target} PRIVATE "${PROJECT_SOURCE_DIR}/cpp/include" "${PROJECT_SOURCE_DIR}/cpp/src"
  )
  target_compile_definitions(${target} PRIVATE FASTRCF_ISA=isa_${isa})
  fastrcf_compile_options(${target})
  target_compile_options(${target} PRIVATE ${FASTRCF_FLAGS_${isa}})
  if(NOT MSVC)
    # The kernels are vectorised by hand; the compiler's second guess costs speed here.
    target_compile_options(${target} PRIVATE -fno-tree-slp-vectorize -Wno-psabi)
    # GCC's own intrinsics start from undefined vectors and warn about it.
    target_compile_options(
      ${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-uninitialized> $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>
    )
    target_compile_options(${target} PRIVATE ${ARGN})
  endif()
  if(FASTRCF_SANITIZE STREQUAL "address")
    # A null pointer stops the program anyway; the check on every access makes GCC compile for many minutes.
    target_compile_options(${target} PRIVATE -fno-sanitize=null)
  endif()
  target_sources(${core} PRIVATE $<TARGET_OBJECTS:${target}>)
endfunction()

# fastrcf_add_kernels(<core> <source> [<option>…]): the baseline everywhere, AVX2 and AVX-512 on x86-64.
function(fastrcf_add_kernels core source)
  fastrcf_add_kernel(${core} ${source} baseline ${ARGN})
  foreach(isa IN ITEMS avx2 avx512)
    string(TOUPPER ${isa} upper)
    if(FASTRCF_HAVE_${upper})
      fastrcf_add_kernel(${core} ${source} ${isa} ${ARGN})
      target_compile_definitions(${core} PRIVATE FASTRCF_HAVE_${upper})
    endif()
  endforeach()
endfunction()
