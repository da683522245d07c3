// SPDX-License-Identifier: Apache-2.0
// The options of a forest in its bytes, and the sections for what not every forest has.
#pragma once

#include <map>
#include <span>

#include "byte_stream.hpp"
#include "fastrcf/options.hpp"
#include "fastrcf/preparation.hpp"

namespace fastrcf {

/// What the sections hold.
enum class Tag : std::uint32_t {
    kScoring = 1,      ///< one byte; absent: the standard law
    kPreparation = 2,  ///< its options; absent: none
    kColumns = 3,      ///< what the preparation knows of the columns and the newest rows
    kQuality = 4,      ///< share of values that were given; absent: all
};

using Sections = std::map<Tag, std::span<const std::byte>>;

void write_options(ByteWriter& out, const ForestOptions& options);

/// Reads the options, and from version 2 on the sections.
ForestOptions read_options(ByteReader& in, std::uint32_t version, Sections& sections);

void write_sections(ByteWriter& out, const ForestOptions& options, const Preparation* preparation, double quality);

/// What the preparation knows of the columns, and the marks of the newest rows.
void read_columns(ByteReader in, Preparation& preparation, std::size_t n_marks);

}  // namespace fastrcf
