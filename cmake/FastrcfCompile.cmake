# Compiler settings that every target of the project shares.

# FASTRCF_SANITIZE applies to all targets alike: mixed builds report errors that are none.
if(FASTRCF_SANITIZE)
  if(FASTRCF_SANITIZE STREQUAL "address")
    set(_fastrcf_sanitizers address,undefined)
  elseif(FASTRCF_SANITIZE STREQUAL "thread")
    set(_fastrcf_sanitizers thread)
  else()
    message(FATAL_ERROR "FASTRCF_SANITIZE: expected address or thread, got '${FASTRCF_SANITIZE}'")
  endif()
  add_compile_options(-fsanitize=${_fastrcf_sanitizers} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${_fastrcf_sanitizers})
endif()

# fastrcf_compile_options(<target>): language level, visibility, floating-point rules, warnings.
function(fastrcf_compile_options target)
  target_compile_features(${target} PRIVATE cxx_std_20)
  set_target_properties(
    ${target}
    PROPERTIES
      CXX_EXTENSIONS OFF
      CXX_VISIBILITY_PRESET hidden
      VISIBILITY_INLINES_HIDDEN ON
      POSITION_INDEPENDENT_CODE ON
  )
  if(MSVC)
    target_compile_options(${target} PRIVATE /utf-8 /fp:precise /permissive-)
    target_compile_definitions(${target} PRIVATE NOMINMAX)
  else()
    # No contraction into fused multiply-adds: every instruction set gives the same bits.
    target_compile_options(${target} PRIVATE -ffp-contract=off -fno-math-errno)
  endif()

  if(FASTRCF_DEVELOPER)
    if(MSVC)
      target_compile_options(${target} PRIVATE /W4)
    else()
      target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wconversion -Wshadow)
    endif()
  endif()
  if(FASTRCF_WERROR)
    set_target_properties(${target} PROPERTIES COMPILE_WARNING_AS_ERROR ON)
  endif()
endfunction()
