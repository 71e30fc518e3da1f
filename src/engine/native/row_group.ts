/**
 * Rows that CPU kernels for repacked weights compute together. A batch has one row per token. Rows
 * left over after full groups are computed one by one, each at about half the cost of a group
 * (`repack.cpp` in ggml-cpu).
 */
export const ROW_GROUP = 4;
