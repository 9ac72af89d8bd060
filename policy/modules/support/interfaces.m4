m4_divert(-1)
# What the rules of modules/ and hosts/ are made of. Each says what it grants, to whom, and on what.

# carnet_client(type, role)
# A domain that requests come from: the subject of every question about a request.
m4_define(`carnet_client', `
type $1, domain, client_domain;
role $2;
role $2 types $1;
')

# carnet_monitor(type)
# May see VMs and their state, and nothing else.
m4_define(`carnet_monitor', `
allow $1 vm_domain:vm monitor;
')

# carnet_operator(type)
# May do with a VM whatever can be asked for, and may use disk images and read saved state.
# The labels of the VMs it starts come from the images: see carnet_vm_label.
m4_define(`carnet_operator', `
carnet_monitor($1)
typeattribute $1 vm_image_user;
allow $1 vm_domain:vm { define delete };
allow $1 vm_domain:vm { start stop suspend resume transition };
allow $1 vm_domain:vm { save restore };
allow $1 vm_domain:vm migrate_out;
allow $1 vm_domain:vm recover;
allow $1 vm_domain:vm { relabelfrom relabelto };
allow $1 vm_image:file rw_file_perms;
allow $1 vm_shared_image:file r_file_perms;
allow $1 vm_state:file r_file_perms;
')

# carnet_vm_label(client_t, image_t, vm_t)
# A VM that this client starts from an image of this type gets this domain. Its categories are the image`''s
# (default_range, base/4-defaults.te) and its user and role are the client`''s.
m4_define(`carnet_vm_label', `
type_transition $1 $2:vm $3;
')

# carnet_vm_domain(vm_t, image_t, state_t)
# A domain VMs run in, the type of its disk images, and the type of its saved state. The broker may start it, take it
# in from elsewhere and write its saved state. Which images it may be entered through is for the host to say. QEMU opens the
# memory file of a restored VM for writing although it maps it privately: the file's mode keeps it from being written, and
# every byte is verified before each restore. In post-copy it waits for memory that is not there yet on a userfaultfd of its own.
m4_define(`carnet_vm_domain', `
type $1, domain, vm_domain;
type $2, vm_image;
type $3, vm_state;
allow $1 $2:file rw_file_perms;
allow carnet_t $1:process transition;
allow carnet_t $1:process domain_signal_perms;
allow carnet_t $1:vm migrate_in;
type_transition $1 carnet_store_t:file $3;
allow carnet_t $3:file create_file_perms;
allow $3 $1:vm entrypoint;
allow $1 $3:file { open read write getattr map };
allow $1 self:anon_inode { create ioctl read };
')

# carnet_vm_role(role, vm_t)
# Clients of this role may have VMs in this domain, and the broker may start them.
m4_define(`carnet_vm_role', `
role $1 types $2;
allow system_r $1;
')

# carnet_entrypoint(image_t, vm_t)
# An image of this type may be an entrypoint of this domain. The direction is the RFC`''s: image to domain.
m4_define(`carnet_entrypoint', `
allow $1 $2:vm entrypoint;
')

# carnet_peer(host_t)
# The broker of another host, as this host knows it by its certificate.
m4_define(`carnet_peer', `
type $1, domain, host_domain;
role system_r types $1;
')

# carnet_accepts_from(host_t, peer_t)
# The broker may take VMs in from this peer.
m4_define(`carnet_accepts_from', `
allow $2 $1:vmhost accept_from;
')

# carnet_sends_to(vm_t, peer_t)
# VMs of this domain may leave for this peer.
m4_define(`carnet_sends_to', `
allow $1 $2:vmhost send_to;
')

# carnet_drains(client_t, host_t)
# May have a host drained: it takes no VM in then, and starts and restores none.
m4_define(`carnet_drains', `
allow $1 $2:vmhost drain;
')
m4_divert(0)m4_dnl
