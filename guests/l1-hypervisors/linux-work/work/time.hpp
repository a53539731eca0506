// Runs one workload and prints its `work` line.
#pragma once

namespace kurma::work {

/// The command's own status, 1 if it could not be run. The environment says where we are and how large the
/// work is (KURMA_WHERE, KURMA_SIZE).
int time_command(const char* name, char** command);

}  // namespace kurma::work
