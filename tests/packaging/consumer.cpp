#include <cmath>
#include <cstdio>
#include <vector>

#include <fastrcf/random_cut_forest.hpp>

int main() {
    std::vector<double> series(2000), scores(2000);
    for (int i = 0; i < 2000; ++i) series[i] = std::sin(0.1 * i);
    series[1500] = 5.0;
    fastrcf::RandomCutForest forest({.shingle_size = 8, .random_state = 1});
    forest.score_update(fastrcf::Rows::of(series.data(), series.size(), 1), scores);
    std::printf("row 1400: %.3f, row 1500: %.3f\n", scores[1400], scores[1500]);
}
