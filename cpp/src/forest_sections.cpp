// SPDX-License-Identifier: Apache-2.0
#include "forest_sections.hpp"

#include <algorithm>
#include <type_traits>
#include <vector>

namespace fastrcf {
namespace {

void write_section(ByteWriter& out, Tag tag, ByteWriter body) {
    out.put(static_cast<std::uint32_t>(tag));
    out.put(static_cast<std::uint64_t>(body.bytes().size()));
    out.bytes().insert(out.bytes().end(), body.bytes().begin(), body.bytes().end());
}

void put_values(ByteWriter& out, const std::vector<double>& values) {
    out.put(static_cast<std::uint32_t>(values.size()));
    for (const double value : values) out.put(value);
}

std::vector<double> get_values(ByteReader& in, std::uint32_t n_columns) {
    const auto n = in.get<std::uint32_t>();
    in.require(n == 0 || n == n_columns, "an option has the wrong number of values");
    in.require(n <= in.left() / sizeof(double), "they end too early");
    std::vector<double> values(n);
    for (double& value : values) value = in.get<double>();
    return values;
}

ByteWriter preparation_section(const PreparationOptions& options) {
    ByteWriter body;
    body.put(static_cast<std::uint8_t>(options.transformation));
    body.put(static_cast<std::uint8_t>(options.missing));
    body.put(static_cast<std::uint8_t>(options.irregular));
    body.put(options.noise_floor);
    body.put(options.max_missing);
    put_values(body, options.weights);
    put_values(body, options.fill_value);
    return body;
}

PreparationOptions read_preparation(ByteReader in, std::uint32_t n_columns) {
    PreparationOptions options;
    options.transformation = static_cast<Transformation>(in.get<std::uint8_t>());
    options.missing = static_cast<Missing>(in.get<std::uint8_t>());
    options.irregular = static_cast<Irregular>(in.get<std::uint8_t>());
    options.noise_floor = in.get<double>();
    options.max_missing = in.get<double>();
    options.weights = get_values(in, n_columns);
    options.fill_value = get_values(in, n_columns);
    in.require(in.left() == 0, "a section has the wrong length");
    return options;
}

/// Numbers of the preparation, in the order in which it shows them; then the marks of the newest rows.
ByteWriter columns_section(const Preparation& preparation) {
    ByteWriter body;
    Preparation shown = preparation;
    shown.visit([&](auto& number) { body.put(number); });
    const std::vector<std::uint8_t>& marks = preparation.marks();
    const bool any = std::find(marks.begin(), marks.end(), std::uint8_t{1}) != marks.end();
    for (std::size_t i = 0; any && i < marks.size(); ++i) body.put(marks[i]);
    return body;
}

Sections read_sections(ByteReader& in) {
    ByteReader all(in.take(in.get<std::uint64_t>()));
    Sections sections;
    while (all.left() > 0) {
        const auto tag = all.get<std::uint32_t>();
        all.require(tag >= static_cast<std::uint32_t>(Tag::kScoring) && tag <= static_cast<std::uint32_t>(Tag::kQuality),
                    "a section is not known");
        const auto length = all.get<std::uint64_t>();
        all.require(sections.emplace(Tag{tag}, all.take(length)).second, "a section comes twice");
    }
    return sections;
}

}  // namespace

void read_columns(ByteReader in, Preparation& preparation, std::size_t n_marks) {
    preparation.visit([&](auto& number) { number = in.get<std::remove_reference_t<decltype(number)>>(); });
    in.require(preparation.is_sound(), "what is known of the columns is invalid");
    in.require(in.left() == 0 || in.left() == n_marks, "a section has the wrong length");
    std::vector<std::uint8_t> marks(n_marks, 0);
    for (std::size_t i = 0; in.left() > 0; ++i) {
        marks[i] = in.get<std::uint8_t>();
        in.require(marks[i] <= 1, "a mark is invalid");
    }
    preparation.set_marks(marks);
}

void write_sections(ByteWriter& out, const ForestOptions& options, const Preparation* preparation, double quality) {
    ByteWriter sections;
    if (options.scoring != Scoring::kStandard) {
        ByteWriter body;
        body.put(static_cast<std::uint8_t>(options.scoring));
        write_section(sections, Tag::kScoring, std::move(body));
    }
    if (preparation != nullptr) {
        write_section(sections, Tag::kPreparation, preparation_section(options.preparation));
        write_section(sections, Tag::kColumns, columns_section(*preparation));
    }
    if (quality != 1.0) {
        ByteWriter body;
        body.put(quality);
        write_section(sections, Tag::kQuality, std::move(body));
    }
    out.put(static_cast<std::uint64_t>(sections.bytes().size()));
    out.bytes().insert(out.bytes().end(), sections.bytes().begin(), sections.bytes().end());
}

void write_options(ByteWriter& out, const ForestOptions& options) {
    out.put(options.n_columns);
    out.put(options.shingle_size);
    out.put(options.n_trees);
    out.put(options.sample_size);
    out.put(options.time_decay);
    out.put(options.output_after);
    out.put(options.initial_accept_fraction);
    out.put(options.random_state);
}

ForestOptions read_options(ByteReader& in, std::uint32_t version, Sections& sections) {
    ForestOptions options;
    options.n_columns = in.get<std::uint32_t>();
    options.shingle_size = in.get<std::uint32_t>();
    options.n_trees = in.get<std::uint32_t>();
    options.sample_size = in.get<std::uint32_t>();
    options.time_decay = in.get<double>();
    options.output_after = in.get<std::uint64_t>();
    options.initial_accept_fraction = in.get<double>();
    options.random_state = in.get<std::uint64_t>();
    if (version >= 2) sections = read_sections(in);
    if (const auto found = sections.find(Tag::kScoring); found != sections.end()) {
        ByteReader body(found->second);
        options.scoring = static_cast<Scoring>(body.get<std::uint8_t>());
        in.require(body.left() == 0, "a section has the wrong length");
    }
    if (const auto found = sections.find(Tag::kPreparation); found != sections.end()) {
        options.preparation = read_preparation(ByteReader(found->second), options.n_columns);
        in.require(!options.preparation.does_nothing(), "a section is not needed");
    }
    options.check();
    return options;
}

}  // namespace fastrcf
