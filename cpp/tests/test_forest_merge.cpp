// SPDX-License-Identifier: Apache-2.0
// One forest of the trees of several: what it holds, and the law of what it learns later.
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "forest_bench.hpp"

using namespace fastrcf;
using namespace fastrcf::testing;

namespace {

using Forests = std::vector<const RandomCutForest*>;

std::string message_of(const Forests& forests) {
    try {
        (void)RandomCutForest::merge(forests);
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
    return "";
}

/// Share of points numbered `from` and later among all that the trees hold.
double share_since(const RandomCutForest& forest, std::uint64_t from) {
    double held = 0.0;
    double later = 0.0;
    for (std::uint32_t i = 0; i < forest.options().n_trees; ++i) {
        const RandomCutTree& tree = forest.tree(i).tree();
        tree.for_each_leaf([&](NodeId leaf) {
            const auto row = static_cast<std::uint32_t>(tree.arrays().payload[leaf]);
            held += tree.arrays().mass[leaf];
            later += forest.store().arrival(row) >= from ? tree.arrays().mass[leaf] : 0;
        });
    }
    return later / held;
}

Table joined(const Table& first, const Table& second) {
    Table both = first;
    both.values.insert(both.values.end(), second.values.begin(), second.values.end());
    return both;
}

/// Random rows that do not repeat.
Table noise(std::size_t n_rows, std::uint64_t seed) {
    Rng rng(seed, 0);
    Table table{1, {}};
    for (std::size_t i = 0; i < n_rows; ++i) table.values.push_back(rng.uniform());
    return table;
}

}  // namespace

TEST_CASE("the trees of a merged forest are sound, hold their rows, and go on") {
    for (const bool fitted : {false, true}) {
        for (const std::uint32_t shingle_size : {1U, 4U}) {
            CAPTURE(fitted);
            CAPTURE(shingle_size);
            const Table one = gappy(900, 2, 1);
            const Table two = gappy(400, 2, 2);
            RandomCutForest first(options_of(2, shingle_size, 6, 32));
            RandomCutForest second(options_of(2, shingle_size, 4, 32));
            fitted ? first.fit(one.rows()) : first.update(one.rows());
            fitted ? second.fit(two.rows()) : second.update(two.rows());
            const auto before = first.to_bytes();

            const auto merged = RandomCutForest::merge(Forests{&first, &second});
            Table series = joined(one, two);
            CHECK(merged->options().n_trees == 10);
            CHECK(merged->n_seen() == first.n_seen() + second.n_seen());
            CHECK(merged->n_skipped() == first.n_skipped() + second.n_skipped());
            CHECK(first.to_bytes() == before);
            check_trees(*merged, series);

            const auto loaded = RandomCutForest::from_bytes(merged->to_bytes());
            CHECK(loaded->to_bytes() == merged->to_bytes());
            const Table next = wave(5000, 2, 3);
            CHECK(score_update_in_chunks(*loaded, next, 321) == score_update(*merged, next.rows()));
            CHECK(loaded->to_bytes() == merged->to_bytes());
            check_trees(*merged, joined(series, next));
        }
    }
}

TEST_CASE("a merged forest scores the mean over all trees") {
    RandomCutForest first(options_of(1, 1, 30, 64));
    RandomCutForest second(options_of(1, 1, 10, 64));
    first.update(wave(2000, 1, 1).rows());
    second.update(wave(1500, 1, 2).rows());
    const Table asked = wave(100, 1, 3);
    const auto ab = score(*RandomCutForest::merge(Forests{&first, &second}), asked.rows());
    const auto ba = score(*RandomCutForest::merge(Forests{&second, &first}), asked.rows());
    CHECK(ab == ba);
    const auto of_first = score(first, asked.rows());
    const auto of_second = score(second, asked.rows());
    for (std::size_t i = 0; i < ab.size(); ++i) {
        CHECK(ab[i] == doctest::Approx((30 * of_first[i] + 10 * of_second[i]) / 40).epsilon(1e-12));
    }
}

TEST_CASE("without decay a merged forest goes on like one that has learned all") {
    ForestOptions options = options_of(1, 1, 300, 32);
    options.time_decay = 0.0;
    options.initial_accept_fraction = 1.0;
    RandomCutForest first(options);
    RandomCutForest second(options);
    first.update(noise(1500, 1).rows());
    second.update(noise(500, 2).rows());
    const auto merged = RandomCutForest::merge(Forests{&first, &second});
    merged->update(noise(2000, 3).rows());
    CHECK(share_since(*merged, 2000) == doctest::Approx(0.5).epsilon(0.03));
}

TEST_CASE("with decay the weights of the forests add up") {
    ForestOptions options = options_of(1, 1, 300, 32);
    options.time_decay = 1.0 / 800;
    RandomCutForest first(options);
    RandomCutForest second(options);
    first.update(noise(6000, 1).rows());
    second.update(noise(400, 2).rows());
    const auto merged = RandomCutForest::merge(Forests{&first, &second});
    merged->update(noise(600, 3).rows());
    const double faded = std::exp(-600.0 / 800);
    const double old = (1.0 - std::exp(-6000.0 / 800)) + (1.0 - std::exp(-400.0 / 800));
    const double expected = (1.0 - faded) / (1.0 - faded + faded * old);
    CHECK(share_since(*merged, 6400) == doctest::Approx(expected).epsilon(0.05));
}

TEST_CASE("trees of forests with one seed do not stay alike") {
    RandomCutForest first(options_of(1, 1, 2, 16));
    RandomCutForest second(options_of(1, 1, 2, 16));
    const Table table = noise(1000, 1);
    first.update(table.rows());
    second.update(table.rows());
    const auto merged = RandomCutForest::merge(Forests{&first, &second});
    for (std::size_t i = 0; i < 2; ++i) {
        CHECK(merged->tree(i).rng().state() != merged->tree(i + 2).rng().state());
        CHECK(merged->tree(i).sampler().next().key != merged->tree(i + 2).sampler().next().key);
    }
}

TEST_CASE("a merged forest of one is a copy") {
    RandomCutForest forest(options_of(2, 3, 5, 32));
    forest.update(gappy(500, 2, 1).rows());
    CHECK(RandomCutForest::merge(Forests{&forest})->to_bytes() == forest.to_bytes());
}

TEST_CASE("a forest may be merged with itself") {
    RandomCutForest forest(options_of(1, 1, 5, 32));
    forest.update(wave(500, 1, 1).rows());
    const auto merged = RandomCutForest::merge(Forests{&forest, &forest});
    const Table asked = wave(50, 1, 2);
    CHECK(score(*merged, asked.rows()) == score(forest, asked.rows()));
}

TEST_CASE("forests that differ are refused") {
    RandomCutForest forest(options_of(1, 1, 5, 32));
    forest.update(wave(500, 1, 1).rows());
    const auto against = [&](auto change) {
        ForestOptions options = options_of(1, 1, 5, 32);
        change(options);
        RandomCutForest other(options);
        other.update(wave(500, options.n_columns, 1).rows());
        return message_of({&forest, &forest, &other});
    };
    CHECK(against([](ForestOptions& o) { o.n_columns = 2; }) == "forests[2]: n_columns is not that of forests[0]");
    CHECK(against([](ForestOptions& o) { o.shingle_size = 2; }).find("shingle_size") != std::string::npos);
    CHECK(against([](ForestOptions& o) { o.sample_size = 33; }).find("sample_size") != std::string::npos);
    CHECK(against([](ForestOptions& o) { o.time_decay = 0.5; }).find("time_decay") != std::string::npos);
    CHECK(against([](ForestOptions& o) { o.output_after = 7; }).find("output_after") != std::string::npos);
    CHECK(against([](ForestOptions& o) { o.initial_accept_fraction = 1; }).find("accept") != std::string::npos);
    CHECK(against([](ForestOptions& o) { o.scoring = Scoring::kKinesis; }).find("scoring") != std::string::npos);
    CHECK(against([](ForestOptions& o) { o.random_state = 7, o.n_trees = 9, o.n_jobs = 2; }).empty());

    RandomCutForest fitted(options_of(1, 1, 5, 32));
    fitted.fit(wave(500, 1, 1).rows());
    CHECK(message_of({&forest, &fitted}).find("forests[1]: the way of training") != std::string::npos);
    RandomCutForest empty(options_of(1, 1, 5, 32));
    CHECK(message_of({&forest, &empty}) == "forests[1]: has not learned a point");
    CHECK(message_of({}) == "forests: at least one is needed");
}
