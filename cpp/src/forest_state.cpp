// SPDX-License-Identifier: Apache-2.0
// The bytes of a forest: everything that the next score depends on, and nothing that can be computed from it.
//
//   "FRCF" | version u32 | length of the rest u64 | CRC-32 of the rest u32
//   options | sections | counters | rows | trees
//
// Sections hold what not every forest has: their length in all u64, then for each, in the order of tags, tag u32 |
// length u64 | bytes. A tag that is not known is an error: what it says would be lost. Version 1 had no sections;
// before version 3 a sampler had no seed and trees were grown from the first point on.
// All numbers are little-endian. Rows that no tree holds are left out. A tree is written depth first; its boxes
// and masses are computed again on loading. Node numbers and row numbers are not kept: nothing depends on them,
// so saving a loaded forest gives the same bytes.
#include <algorithm>
#include <cmath>

#include "byte_stream.hpp"
#include "forest_call.hpp"
#include "forest_sections.hpp"
#include "tree_state.hpp"

namespace fastrcf {
namespace {

constexpr std::array<char, 4> kMagic = {'F', 'R', 'C', 'F'};
constexpr std::uint32_t kVersion = 3;
constexpr std::size_t kHeaderBytes = 20;

}  // namespace

/// Reads and writes what is private to a forest.
class ForestState {
public:
    static void write(const RandomCutForest& forest, ByteWriter& out) {
        write_options(out, forest.options_);
        write_sections(out, forest.options_, forest.preparation_.get(), forest.quality_);
        out.put(forest.n_rows_);
        out.put(forest.n_skipped_);
        out.put(forest.n_points_);
        out.put(forest.run_length_);
        out.put(static_cast<std::uint8_t>(forest.fitted_ ? 1 : 0));

        const PointStore& store = forest.store_;
        std::vector<std::uint8_t> marks(store.n_rows(), 0);
        forest.mark_points(marks);
        const std::vector<std::int32_t> plan = store.plan_compaction(marks, forest.n_leading());
        const auto n_rows = static_cast<std::uint32_t>(
            std::count_if(plan.begin(), plan.end(), [](std::int32_t row) { return row != PointStore::kDropped; }));
        out.put(n_rows);
        write_rows(forest, plan, out);
        for (const SampledTree& tree : forest.trees_) {
            TreeWriter(out, tree, forest.geometry_, plan, n_rows).write();
        }
    }

    static void read(RandomCutForest& forest, ByteReader& in, std::uint32_t version, const Sections& sections) {
        forest.n_rows_ = in.get<std::uint64_t>();
        forest.n_skipped_ = in.get<std::uint64_t>();
        forest.n_points_ = in.get<std::uint64_t>();
        forest.run_length_ = in.get<std::uint32_t>();
        const auto fitted = in.get<std::uint8_t>();
        in.require(forest.n_rows_ < 1ULL << 61 && forest.n_skipped_ <= forest.n_rows_ &&
                       forest.n_points_ <= forest.n_rows_ - forest.n_skipped_ &&
                       forest.run_length_ <= forest.options_.shingle_size && fitted <= (forest.n_points_ > 0 ? 1 : 0),
                   "the counters are invalid");
        forest.fitted_ = fitted == 1;
        read_sections_into(forest, in, sections);
        const auto n_rows = in.get<std::uint32_t>();
        in.require(n_rows <= INT32_MAX && n_rows >= forest.n_leading(), "the number of rows is invalid");
        read_rows(forest, n_rows, in);
        check_newest_rows(forest, in);
        const std::vector<std::uint8_t> starts = point_starts(forest.store_, forest.options_.shingle_size);
        const ForestView view = forest.view();
        for (SampledTree& tree : forest.trees_) {
            TreeReader(in, tree, view, forest.options_.time_decay, n_rows, starts)
                .read(forest.n_points_, forest.ready_at(forest.n_points_), version);
        }
        in.require(in.left() == 0, "there are bytes behind the forest");
    }

private:
    static void read_sections_into(RandomCutForest& forest, const ByteReader& in, const Sections& sections) {
        const auto columns = sections.find(Tag::kColumns);
        in.require((columns != sections.end()) == (forest.preparation_ != nullptr), "a section is missing");
        if (forest.preparation_) {
            const std::size_t n_marks = forest.n_leading() * std::size_t{forest.options_.n_columns};
            read_columns(ByteReader(columns->second), *forest.preparation_, n_marks);
        }
        if (const auto quality = sections.find(Tag::kQuality); quality != sections.end()) {
            ByteReader body(quality->second);
            forest.quality_ = body.get<double>();
            in.require(forest.quality_ >= 0.0 && forest.quality_ < 1.0 && body.left() == 0, "the quality is invalid");
        }
    }

    /// Rows as runs: arrival of the first row, number of rows; then all values.
    static void write_rows(const RandomCutForest& forest, const std::vector<std::int32_t>& plan, ByteWriter& out) {
        const PointStore& store = forest.store_;
        std::vector<std::pair<std::uint64_t, std::uint32_t>> runs;
        for (std::uint32_t row = 0; row < plan.size(); ++row) {
            if (plan[row] == PointStore::kDropped) continue;
            const std::uint64_t arrival = store.arrival(row);
            if (runs.empty() || runs.back().first + runs.back().second != arrival) runs.emplace_back(arrival, 0);
            ++runs.back().second;
        }
        out.put(static_cast<std::uint32_t>(runs.size()));
        for (const auto& [arrival, length] : runs) {
            out.put(arrival);
            out.put(length);
        }
        const std::size_t n_columns = forest.options_.n_columns;
        for (std::size_t row = 0; row < plan.size(); ++row) {
            if (plan[row] == PointStore::kDropped) continue;
            for (std::size_t i = 0; i < n_columns; ++i) out.put(store.values()[row * n_columns + i]);
        }
    }

    static void read_rows(RandomCutForest& forest, std::uint32_t n_rows, ByteReader& in) {
        const auto n_runs = in.get<std::uint32_t>();
        in.require(n_runs <= n_rows && n_runs <= in.left() / 12, "the number of runs is invalid");
        std::vector<std::uint64_t> arrivals;
        arrivals.reserve(n_rows <= in.left() ? n_rows : 0);
        for (std::uint32_t i = 0; i < n_runs; ++i) {
            const auto arrival = in.get<std::uint64_t>();
            const auto length = in.get<std::uint32_t>();
            in.require(length > 0 && length <= n_rows - arrivals.size() && arrival <= forest.n_rows_ &&
                           length <= forest.n_rows_ - arrival &&
                           (arrivals.empty() || arrival > arrivals.back()),
                       "the runs of rows are invalid");
            in.require(n_rows <= in.left(), "they end too early");
            for (std::uint32_t k = 0; k < length; ++k) arrivals.push_back(arrival + k);
        }
        in.require(arrivals.size() == n_rows, "the runs of rows are invalid");
        const std::size_t n_columns = forest.options_.n_columns;
        in.require(n_rows <= in.left() / (4 * n_columns), "they end too early");
        std::vector<float> row(n_columns);
        forest.store_.compact({}, n_rows);
        for (const std::uint64_t arrival : arrivals) {
            for (float& value : row) {
                value = in.get<float>();
                in.require(std::abs(value) <= kLargestValue, "a stored value is missing or too large");
                value += 0.0F;
            }
            forest.store_.append(row.data(), arrival);
        }
    }

    /// The rows that lead the next point came last and without a gap.
    static void check_newest_rows(const RandomCutForest& forest, const ByteReader& in) {
        const std::uint32_t end = forest.store_.n_rows();
        for (std::uint32_t back = 1; back <= forest.n_leading(); ++back) {
            in.require(forest.store_.arrival(end - back) == forest.n_rows_ - back, "the newest rows are not there");
        }
    }

    /// 1 where a whole point of consecutive rows starts.
    static std::vector<std::uint8_t> point_starts(const PointStore& store, std::uint32_t shingle_size) {
        std::vector<std::uint8_t> starts(store.n_rows(), 0);
        for (std::uint32_t row = 0; row + shingle_size <= store.n_rows(); ++row) {
            starts[row] = store.arrival(row + shingle_size - 1) == store.arrival(row) + shingle_size - 1 ? 1 : 0;
        }
        return starts;
    }
};

std::vector<std::byte> RandomCutForest::to_bytes() const {
    const std::shared_lock lock(mutex_);
    ByteWriter body;
    ForestState::write(*this, body);
    ByteWriter out;
    for (const char letter : kMagic) out.put(letter);
    out.put(kVersion);
    out.put(static_cast<std::uint64_t>(body.bytes().size()));
    out.put(crc32(body.bytes()));
    out.bytes().insert(out.bytes().end(), body.bytes().begin(), body.bytes().end());
    return std::move(out.bytes());
}

std::unique_ptr<RandomCutForest> RandomCutForest::from_bytes(std::span<const std::byte> bytes) {
    return read(bytes, nullptr);
}

std::unique_ptr<RandomCutForest> RandomCutForest::from_bytes(std::span<const std::byte> bytes,
                                                             const RandomCutForest& like) {
    return read(bytes, &like);
}

std::unique_ptr<RandomCutForest> RandomCutForest::read(std::span<const std::byte> bytes, const RandomCutForest* like) {
    ByteReader in(bytes);
    for (const char letter : kMagic) in.require(in.get<char>() == letter, "they do not start with FRCF");
    const auto version = in.get<std::uint32_t>();
    check_argument(version >= 1 && version <= kVersion,
                   "forest bytes: format version " + std::to_string(version) +
                       " is not known; this library reads versions up to " + std::to_string(kVersion));
    in.require(in.get<std::uint64_t>() == bytes.size() - kHeaderBytes, "their length is not the one they state");
    in.require(in.get<std::uint32_t>() == crc32(bytes.subspan(kHeaderBytes)), "the checksum does not match");
    Sections sections;
    const ForestOptions options = read_options(in, version, sections);
    // Every tree takes more than 50 bytes, and an empty one little more memory than its sample size asks for: a
    // small file cannot ask for a forest that a machine has no room for.
    in.require(options.n_trees <= in.left() / 50, "they end too early");
    constexpr std::uint64_t kAlwaysAllowed = std::uint64_t{1} << 30;
    const std::uint64_t empty_bytes =
        std::uint64_t{options.n_trees} * (std::uint64_t{options.sample_size} * 64 + std::uint64_t{options.dimensions()} * 8);
    in.require(empty_bytes <= kAlwaysAllowed || empty_bytes / 1000 <= bytes.size(), "they ask for too much memory");
    in.require(like == nullptr || options.same_shape(like->options()), "their options are not those of the other forests");
    auto forest = like == nullptr ? std::make_unique<RandomCutForest>(options)
                                  : std::make_unique<RandomCutForest>(options, *like);
    ForestState::read(*forest, in, version, sections);
    return forest;
}

}  // namespace fastrcf
