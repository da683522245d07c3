# Headers, static library and package configuration: the same layout in a prefix and inside the wheel,
# where the prefix is the Python package folder (python -m fastrcf --cmakedir prints the last of these).
include(CMakePackageConfigHelpers)

set(_fastrcf_cmake_dir lib/cmake/fastrcf)

install(DIRECTORY cpp/include/fastrcf DESTINATION include FILES_MATCHING PATTERN "*.hpp")
set_target_properties(fastrcf_core PROPERTIES EXPORT_NAME core)
install(TARGETS fastrcf_core EXPORT fastrcfTargets ARCHIVE DESTINATION lib)
install(EXPORT fastrcfTargets NAMESPACE fastrcf:: DESTINATION ${_fastrcf_cmake_dir})

configure_package_config_file(
  cmake/fastrcfConfig.cmake.in "${CMAKE_CURRENT_BINARY_DIR}/fastrcfConfig.cmake"
  INSTALL_DESTINATION ${_fastrcf_cmake_dir}
  NO_SET_AND_CHECK_MACRO
)
write_basic_package_version_file(
  "${CMAKE_CURRENT_BINARY_DIR}/fastrcfConfigVersion.cmake" COMPATIBILITY SameMinorVersion
)
install(
  FILES "${CMAKE_CURRENT_BINARY_DIR}/fastrcfConfig.cmake" "${CMAKE_CURRENT_BINARY_DIR}/fastrcfConfigVersion.cmake"
  DESTINATION ${_fastrcf_cmake_dir}
)
