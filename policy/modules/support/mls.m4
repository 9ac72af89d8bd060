m4_divert(-1)
# m4 runs with -P, so that words of the policy language such as `define' are never taken for m4's own.

# each_number(first, last, prefix, suffix): prefix<n>suffix, one a line.
m4_define(`each_number', `m4_ifelse(m4_eval($1 > $2), 1, , `$3`'$1`'$4
each_number(m4_incr($1), $2, `$3', `$4')')')

# Clearances. Hosts and operators are cleared for everything the fleet knows.
m4_define(`cleared_for_nothing', `s0')
m4_define(`cleared_for_all', `s0 - s3:c0.c1023')
m4_divert(0)m4_dnl
