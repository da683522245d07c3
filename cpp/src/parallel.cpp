// SPDX-License-Identifier: Apache-2.0
#include "fastrcf/parallel.hpp"

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <system_error>
#include <thread>
#include <vector>

#if !defined(_WIN32)
#include <unistd.h>
#endif

namespace fastrcf {
namespace {

long process_id() noexcept {
#if defined(_WIN32)
    return 0;
#else
    return static_cast<long>(::getpid());
#endif
}

}  // namespace

struct ThreadPool::State {
    std::size_t n_threads = 1;
    long owner = process_id();
    std::mutex one_job;  ///< held by the caller for the length of a job
    std::mutex mutex;    ///< guards everything below
    std::condition_variable job_given;
    std::condition_variable job_done;
    const std::function<void(std::size_t)>* part = nullptr;
    std::size_t n_parts = 0;
    std::size_t next_part = 0;
    std::size_t parts_left = 0;
    bool stopping = false;
    std::exception_ptr failure;
    std::vector<std::thread> threads;

    void work() {
        std::unique_lock lock(mutex);
        for (;;) {
            job_given.wait(lock, [this] { return stopping || next_part < n_parts; });
            if (stopping) return;
            run_parts(lock);
        }
    }

    void run_parts(std::unique_lock<std::mutex>& lock) {
        while (next_part < n_parts) {
            const std::size_t mine = next_part++;
            const auto* todo = part;
            lock.unlock();
            std::exception_ptr thrown;
            try {
                (*todo)(mine);
            } catch (...) {
                thrown = std::current_exception();
            }
            lock.lock();
            if (thrown && !failure) failure = thrown;
            if (--parts_left == 0) job_done.notify_all();
        }
    }
};

ThreadPool::ThreadPool(std::size_t n_threads) : state_(std::make_unique<State>()) {
    state_->n_threads = std::max<std::size_t>(n_threads, 1);
    state_->threads.reserve(state_->n_threads - 1);
    try {
        while (state_->threads.size() + 1 < state_->n_threads) {
            state_->threads.emplace_back([state = state_.get()] { state->work(); });
        }
    } catch (const std::system_error&) {  // the system gives no more: fewer do the same work
        state_->n_threads = state_->threads.size() + 1;
    }
}

ThreadPool::~ThreadPool() {
    if (state_->owner != process_id()) {
        // A forked child has no such threads; what they would still touch must stay.
        for (std::thread& thread : state_->threads) thread.detach();
        (void)state_.release();
        return;
    }
    {
        const std::lock_guard lock(state_->mutex);
        state_->stopping = true;
    }
    state_->job_given.notify_all();
    for (std::thread& thread : state_->threads) thread.join();
}

std::size_t ThreadPool::n_threads() const noexcept { return state_->n_threads; }

void ThreadPool::run(std::size_t n_parts, const std::function<void(std::size_t)>& part) {
    if (n_parts <= 1 || state_->n_threads == 1 || state_->owner != process_id()) {
        for (std::size_t i = 0; i < n_parts; ++i) part(i);
        return;
    }
    const std::lock_guard turn(state_->one_job);
    std::unique_lock lock(state_->mutex);
    state_->part = &part;
    state_->n_parts = n_parts;
    state_->next_part = 0;
    state_->parts_left = n_parts;
    state_->failure = nullptr;
    state_->job_given.notify_all();
    state_->run_parts(lock);
    state_->job_done.wait(lock, [this] { return state_->parts_left == 0; });
    state_->part = nullptr;
    state_->n_parts = 0;
    state_->next_part = 0;
    if (state_->failure) std::rethrow_exception(state_->failure);
}

}  // namespace fastrcf
