// SPDX-License-Identifier: Apache-2.0
// The bytes of a forest: everything that the next score depends on, and nothing that can be computed from it.
//
//   "FRCF" | version u32 | length of the rest u64 | CRC-32 of the rest u32
//   options | sections | counters | rows | trees
//
// Sections hold what not every forest has: their length in all u64, then for each, in the order of tags, tag u32 |
// length u64 | bytes. A tag that is not known is an error: what it says would be lost. Version 1 had no sections.
// All numbers are little-endian. Rows that no tree holds are left out. A tree is written depth first; its boxes
// and masses are computed again on loading. Node numbers and row numbers are not kept: nothing depends on them,
// so saving a loaded forest gives the same bytes.
#include <algorithm>
#include <cmath>
#include <map>
#include <type_traits>

#include "byte_stream.hpp"
#include "forest_call.hpp"

namespace fastrcf {
namespace {

constexpr std::array<char, 4> kMagic = {'F', 'R', 'C', 'F'};
constexpr std::uint32_t kVersion = 2;

/// What the sections hold.
enum class Tag : std::uint32_t {
    kScoring = 1,      ///< one byte; absent: the standard law
    kPreparation = 2,  ///< its options; absent: none
    kColumns = 3,      ///< what the preparation knows of the columns and the newest rows
    kQuality = 4,      ///< share of values that were given; absent: all
};

using Sections = std::map<Tag, std::span<const std::byte>>;

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
constexpr std::size_t kHeaderBytes = 20;

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

/// Writes a tree depth first and remembers the order of its leaves.
class TreeWriter {
public:
    TreeWriter(ByteWriter& out, const SampledTree& sampled, const Geometry& geometry,
               const std::vector<std::int32_t>& new_rows, std::uint64_t n_rows)
        : out_(out), sampled_(sampled), tree_(sampled.tree().arrays()), geometry_(geometry), new_rows_(new_rows),
          n_rows_(n_rows) {}

    void write() {
        for (const std::uint64_t word : sampled_.rng().state()) out_.put(word);
        const StreamSampler::Plan& plan = sampled_.sampler().next();
        out_.put(plan.index);
        out_.put(plan.key);
        out_.put(static_cast<std::uint8_t>(plan.replaces ? 1 : 0));
        out_.put(static_cast<std::uint16_t>(sampled_.sampler().entries().size()));
        write_nodes();
        write_keys();
    }

private:
    void write_nodes() {
        std::vector<NodeId> open;
        if (tree_.root != kNoNode) open.push_back(tree_.root);
        while (!open.empty()) {
            const NodeId node = open.back();
            open.pop_back();
            if (node >= tree_.first_leaf) {
                // Dimension d stands for "leaf", d + 1 for a leaf of more than one point.
                const bool many = tree_.mass[node] > 1;
                out_.put_below(geometry_.dimensions + (many ? 1U : 0U), geometry_.dimensions + 2ULL);
                out_.put_below(static_cast<std::uint64_t>(new_rows_[static_cast<std::size_t>(tree_.payload[node])]), n_rows_);
                if (many) out_.put(tree_.mass[node]);
                leaves_.push_back(node);
            } else {
                out_.put_below(tree_.dimension[node], geometry_.dimensions + 2ULL);
                out_.put(tree_.payload[node]);
                open.push_back(tree_.child[2 * node + 1]);
                open.push_back(tree_.child[2 * node]);
            }
        }
    }

    /// Keys leaf by leaf in the order of write_nodes, each leaf's in rising order.
    void write_keys() {
        std::vector<std::vector<double>> keys(leaves_.size());
        std::map<NodeId, std::size_t> place;
        for (std::size_t i = 0; i < leaves_.size(); ++i) place[leaves_[i]] = i;
        for (const StreamSampler::Entry& entry : sampled_.sampler().entries()) {
            keys[place.at(entry.leaf)].push_back(entry.key);
        }
        for (std::vector<double>& of_leaf : keys) {
            std::sort(of_leaf.begin(), of_leaf.end());
            for (const double key : of_leaf) out_.put(key);
        }
    }

    ByteWriter& out_;
    const SampledTree& sampled_;
    const TreeArrays& tree_;
    const Geometry& geometry_;
    const std::vector<std::int32_t>& new_rows_;
    std::uint64_t n_rows_;
    std::vector<NodeId> leaves_;
};

/// Rebuilds an empty tree from what TreeWriter wrote, and checks that it is a tree on its points.
class TreeReader {
public:
    TreeReader(ByteReader& in, SampledTree& sampled, const ForestView& forest, double time_decay,
               std::uint64_t n_rows, const std::vector<std::uint8_t>& point_starts)
        : in_(in), sampled_(sampled), tree_(sampled.tree().arrays()), forest_(forest), time_decay_(time_decay),
          n_rows_(n_rows), point_starts_(point_starts) {}

    void read(std::uint64_t n_points) {
        Rng::State state{};
        for (std::uint64_t& word : state) word = in_.get<std::uint64_t>();
        in_.require(state != Rng::State{}, "a generator's state is invalid");
        sampled_.rng() = Rng(state);
        StreamSampler::Plan plan;
        plan.index = in_.get<std::uint64_t>();
        plan.key = in_.get<double>();
        const auto replaces = in_.get<std::uint8_t>();
        // Every tree takes the very first point: none is empty once there are points.
        in_.require(replaces <= 1 && plan.index >= n_points && (n_points > 0 || plan.index == 0) &&
                        is_key(plan.key, plan.index),
                    "a sampler's plan is invalid");
        plan.replaces = replaces == 1;
        n_entries_ = in_.get<std::uint16_t>();
        const bool full = n_entries_ == sampled_.sampler().capacity();
        in_.require(n_entries_ <= sampled_.sampler().capacity() && (plan.replaces ? n_entries_ > 0 : !full),
                    "a sample has the wrong size");
        in_.require(n_entries_ <= n_points && (n_entries_ > 0) == (n_points > 0), "a sample has the wrong size");
        sampled_.reserve(n_entries_);
        if (n_entries_ > 0) read_nodes();
        for (const NodeId leaf : leaves_) {
            for (unsigned i = 0; i < tree_.mass[leaf]; ++i) {
                const auto key = in_.get<double>();
                in_.require(is_key(key, n_points), "a key is out of range");
                sampled_.sampler().add(key, leaf);
            }
        }
        sampled_.sampler().restore_plan(plan);
    }

private:
    /// Whether a point before number `end` can have the key ln(E) - decay·t: logarithms of draws are far smaller.
    [[nodiscard]] bool is_key(double key, std::uint64_t end) const {
        constexpr double kLargestLogarithm = 256.0;
        return key <= kLargestLogarithm && key >= -kLargestLogarithm - time_decay_ * static_cast<double>(end);
    }

    void read_nodes() {
        struct Link {
            NodeId parent;
            int side;
        };
        std::vector<Link> open{{kNoNode, 0}};
        std::vector<NodeId> internal;
        while (!open.empty()) {
            const Link link = open.back();
            open.pop_back();
            const std::uint64_t kind = in_.get_below(forest_.geometry.dimensions + 2ULL);
            const bool is_leaf = kind >= forest_.geometry.dimensions;
            // Each node still to come needs at least one point of its own.
            in_.require(is_leaf || internal.size() + 2 <= n_entries_, "a tree has too many nodes");
            const NodeId node = is_leaf ? read_leaf(kind > forest_.geometry.dimensions) : sampled_.tree().allocate_internal();
            tree_.parent[node] = link.parent;
            if (link.parent == kNoNode) tree_.root = node;
            else tree_.child[2 * link.parent + link.side] = node;
            if (is_leaf) continue;
            tree_.dimension[node] = static_cast<std::uint16_t>(kind);
            tree_.payload[node] = in_.get<std::int32_t>();
            internal.push_back(node);
            open.push_back({node, 1});
            open.push_back({node, 0});
        }
        in_.require(points_ == n_entries_, "a tree does not hold its sample");
        const auto above_node = [this](NodeId node) {
            return !sampled_.tree().is_leaf(tree_.child[2 * node]) || !sampled_.tree().is_leaf(tree_.child[2 * node + 1]);
        };
        sampled_.tree().reserve_boxes(static_cast<std::uint32_t>(std::count_if(internal.begin(), internal.end(), above_node)));
        for (auto node = internal.rbegin(); node != internal.rend(); ++node) finish(*node);
    }

    NodeId read_leaf(bool many) {
        in_.require(leaves_.size() < n_entries_, "a tree has too many leaves");
        const std::uint64_t row = in_.get_below(n_rows_);
        in_.require(point_starts_[row] != 0, "a leaf's point is not stored");
        const std::uint16_t mass = many ? in_.get<std::uint16_t>() : std::uint16_t{1};
        points_ += mass;
        in_.require(mass >= 1 && points_ <= n_entries_, "a leaf has a wrong mass");
        const NodeId leaf = sampled_.tree().allocate_leaf();
        tree_.payload[leaf] = static_cast<std::int32_t>(row);
        tree_.mass[leaf] = mass;
        leaves_.push_back(leaf);
        return leaf;
    }

    /// Mass and box of a node whose children are finished; the cut must lie between them.
    void finish(NodeId node) {
        const NodeId left = tree_.child[2 * node];
        const NodeId right = tree_.child[2 * node + 1];
        tree_.mass[node] = static_cast<std::uint16_t>(tree_.mass[left] + tree_.mass[right]);
        forest_.kernels.make_box(tree_, forest_.geometry, forest_.stored, node);
        const std::uint32_t dimension = tree_.dimension[node];
        in_.require(order_key(upper(left, dimension)) <= tree_.payload[node] &&
                        order_key(lower(right, dimension)) > tree_.payload[node],
                    "a cut does not separate its points");
    }

    [[nodiscard]] float upper(NodeId node, std::uint32_t dimension) const {
        return sampled_.tree().sides(forest_.geometry, forest_.stored, node, dimension).high;
    }
    [[nodiscard]] float lower(NodeId node, std::uint32_t dimension) const {
        return sampled_.tree().sides(forest_.geometry, forest_.stored, node, dimension).low;
    }

    ByteReader& in_;
    SampledTree& sampled_;
    TreeArrays& tree_;
    const ForestView& forest_;
    double time_decay_;
    std::uint64_t n_rows_;
    const std::vector<std::uint8_t>& point_starts_;
    std::uint32_t n_entries_ = 0;
    std::uint32_t points_ = 0;
    std::vector<NodeId> leaves_;
};

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

    static void read(RandomCutForest& forest, ByteReader& in, const Sections& sections) {
        forest.n_rows_ = in.get<std::uint64_t>();
        forest.n_skipped_ = in.get<std::uint64_t>();
        forest.n_points_ = in.get<std::uint64_t>();
        forest.run_length_ = in.get<std::uint32_t>();
        const auto fitted = in.get<std::uint8_t>();
        in.require(forest.n_rows_ < 1ULL << 62 && forest.n_skipped_ <= forest.n_rows_ &&
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
            TreeReader(in, tree, view, forest.options_.time_decay, n_rows, starts).read(forest.n_points_);
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
    ForestState::read(*forest, in, sections);
    return forest;
}

}  // namespace fastrcf
