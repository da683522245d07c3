// SPDX-License-Identifier: Apache-2.0
// A pool of threads that is made once, and a lock that lets readers and writers take turns.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>

namespace fastrcf {

/// Runs the parts of one job on several threads. One job at a time; others wait for their turn.
class ThreadPool {
public:
    explicit ThreadPool(std::size_t n_threads);
    ~ThreadPool();
    ThreadPool(const ThreadPool&) = delete;
    ThreadPool& operator=(const ThreadPool&) = delete;

    [[nodiscard]] std::size_t n_threads() const noexcept;

    /// Calls part(0) … part(n_parts - 1), part 0 on this thread, and returns when all are done. The first
    /// exception is thrown again here. A part must not call run() of the same pool: it would wait for itself.
    void run(std::size_t n_parts, const std::function<void(std::size_t)>& part);

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// A shared mutex with a turnstile: whoever waits to write is not overtaken by readers that come later.
class FairSharedMutex {
public:
    void lock() {
        const std::lock_guard turn(turnstile_);
        mutex_.lock();
    }
    void unlock() { mutex_.unlock(); }
    void lock_shared() {
        const std::lock_guard turn(turnstile_);
        mutex_.lock_shared();
    }
    void unlock_shared() { mutex_.unlock_shared(); }

private:
    std::mutex turnstile_;
    std::shared_mutex mutex_;
};

}  // namespace fastrcf
