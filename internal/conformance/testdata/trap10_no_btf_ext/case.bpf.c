/*
 * Trap 10 again: an object that has types, but no code, and so no .BTF.ext.
 * bpftool 7.1 fails: "section .BTF.ext not found".
 */
u64 counter;
