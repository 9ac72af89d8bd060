m4_divert(-1)
# Sets of file permissions, named as in the reference policy.
m4_define(`getattr_file_perms', `{ getattr }')
m4_define(`r_file_perms', `{ getattr open read ioctl lock map }')
m4_define(`rw_file_perms', `{ getattr open read write append ioctl lock map }')
m4_define(`create_file_perms', `{ create getattr open read write append setattr unlink rename link lock ioctl map }')
m4_define(`relabel_file_perms', `{ getattr relabelfrom relabelto }')
m4_define(`r_dir_perms', `{ getattr open read search lock ioctl }')
m4_define(`rw_dir_perms', `{ getattr open read search lock ioctl write add_name remove_name }')
m4_define(`domain_signal_perms', `{ sigchld sigkill sigstop signull signal }')
m4_divert(0)m4_dnl
