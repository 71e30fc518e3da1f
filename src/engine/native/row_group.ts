/**
 * A batch has a row for each token. A CPU's kernels for repacked weights compute rows in groups, and what
 * is left over one by one, each about as dear as half a group (`repack.cpp` in ggml-cpu).
 */
export const ROW_GROUP = 4;
