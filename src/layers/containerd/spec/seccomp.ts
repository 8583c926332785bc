/**
 * Which system calls a container may make: those that programs need, as with Docker. What touches the machine as a whole
 * (its clock, modules, keys, mounts, swap, namespaces) takes the capability that the kernel wants for it; what has been a way
 * out of containers (`bpf`, `userfaultfd`, `io_uring`, handles of files) is not there. Names that an architecture does not
 * have are passed over by the runtime.
 */

export interface Argument {
  readonly index: number
  readonly value: number
  readonly valueTwo?: number | undefined
  readonly op: "SCMP_CMP_EQ" | "SCMP_CMP_NE" | "SCMP_CMP_MASKED_EQ"
}

export interface Rule {
  readonly names: ReadonlyArray<string>
  readonly action: "SCMP_ACT_ALLOW" | "SCMP_ACT_ERRNO"
  readonly errnoRet?: number | undefined
  readonly args?: ReadonlyArray<Argument> | undefined
}

/** `linux.seccomp` of the OCI runtime specification. */
export interface Seccomp {
  readonly defaultAction: "SCMP_ACT_ERRNO"
  readonly defaultErrnoRet: number
  readonly architectures: ReadonlyArray<string>
  readonly syscalls: ReadonlyArray<Rule>
}

const names = (text: string): ReadonlyArray<string> => text.trim().split(/\s+/)

const always = names(`
  _llseek _newselect accept accept4 access adjtimex alarm arch_prctl arm_fadvise64_64 arm_sync_file_range bind breakpoint
  brk cacheflush cachestat capget capset chdir chmod chown chown32 clock_getres clock_getres_time64 clock_gettime
  clock_gettime64 clock_nanosleep clock_nanosleep_time64 close close_range connect copy_file_range creat dup dup2 dup3
  epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2
  execve execveat exit exit_group faccessat faccessat2 fadvise64 fadvise64_64 fallocate fanotify_mark fchdir fchmod
  fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr flistxattr flock fork fremovexattr
  fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futex futex_requeue futex_time64
  futex_wait futex_waitv futex_wake futimesat get_robust_list get_thread_area getcpu getcwd getdents getdents64 getegid
  getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getitimer getpeername getpgid getpgrp getpid getppid
  getpriority getrandom getresgid getresgid32 getresuid getresuid32 getrlimit getrusage getsid getsockname getsockopt
  gettid gettimeofday getuid getuid32 getxattr inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel
  io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit ioctl ioprio_get ioprio_set ipc kill
  landlock_add_rule landlock_create_ruleset landlock_restrict_self lchown lchown32 lgetxattr link linkat listen listxattr
  llistxattr lremovexattr lseek lsetxattr lstat lstat64 madvise map_shadow_stack membarrier memfd_create memfd_secret
  mincore mkdir mkdirat mknod mknodat mlock mlock2 mlockall mmap mmap2 modify_ldt mprotect mq_getsetattr mq_notify mq_open
  mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink mremap mseal msgctl msgget msgrcv
  msgsnd msync munlock munlockall munmap name_to_handle_at nanosleep newfstatat open openat openat2 pause pidfd_open
  pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect poll ppoll ppoll_time64 prctl pread64 preadv preadv2
  prlimit64 process_mrelease process_vm_readv process_vm_writev pselect6 pselect6_time64 ptrace pwrite64 pwritev pwritev2
  read readahead readlink readlinkat readv recv recvfrom recvmmsg recvmmsg_time64 recvmsg remap_file_pages removexattr
  rename renameat renameat2 restart_syscall riscv_flush_icache riscv_hwprobe rmdir rseq rt_sigaction rt_sigpending
  rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo
  sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler
  sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam sched_setscheduler
  sched_yield seccomp select semctl semget semop semtimedop semtimedop_time64 send sendfile sendfile64 sendmmsg sendmsg
  sendto set_robust_list set_thread_area set_tid_address set_tls setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32
  setgroups setgroups32 setitimer setpgid setpriority setregid setregid32 setresgid setresgid32 setresuid setresuid32
  setreuid setreuid32 setrlimit setsid setsockopt setuid setuid32 setxattr shmat shmctl shmdt shmget shutdown sigaltstack
  signalfd signalfd4 sigprocmask sigreturn socketcall socketpair splice stat stat64 statfs statfs64 statx symlink
  symlinkat sync sync_file_range sync_file_range2 syncfs sysinfo tee tgkill time timer_create timer_delete
  timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime
  timerfd_gettime64 timerfd_settime timerfd_settime64 times tkill truncate truncate64 ugetrlimit umask uname unlink
  unlinkat utime utimensat utimensat_time64 utimes vfork vmsplice wait4 waitid waitpid write writev
`)

const byCapability: Readonly<Record<string, ReadonlyArray<string>>> = {
  CAP_BPF: names("bpf"),
  CAP_DAC_READ_SEARCH: names("open_by_handle_at"),
  CAP_PERFMON: names("perf_event_open"),
  CAP_SYS_ADMIN: names(`
    bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount mount_setattr move_mount open_tree
    perf_event_open quotactl quotactl_fd setdomainname sethostname setns syslog umount umount2 unshare
  `),
  CAP_SYS_BOOT: names("kexec_file_load kexec_load reboot"),
  CAP_SYS_CHROOT: names("chroot"),
  CAP_SYS_MODULE: names("delete_module finit_module init_module"),
  CAP_SYS_NICE: names("get_mempolicy mbind move_pages set_mempolicy set_mempolicy_home_node"),
  CAP_SYS_PACCT: names("acct"),
  CAP_SYS_PTRACE: names("kcmp pidfd_getfd process_madvise"),
  CAP_SYS_RAWIO: names("ioperm iopl"),
  CAP_SYS_TIME: names("clock_adjtime clock_adjtime64 clock_settime clock_settime64 settimeofday stime"),
  CAP_SYS_TTY_CONFIG: names("vhangup"),
  CAP_SYSLOG: names("syslog")
}

/** The flags of clone(2) that make namespaces. */
const newNamespaces = 0x7E020000

/** Sockets that lead out of a virtual machine to its host. */
const vsock = 40

/** Linux, BSD's and the 32-bit execution domains: linux/personality.h. */
const personalities = [0, 8, 0x20000, 0x20008, 0xFFFFFFFF]

const EPERM = 1
const ENOSYS = 38

const allow = (names: ReadonlyArray<string>, ...args: ReadonlyArray<Argument>): Rule => ({
  names,
  action: "SCMP_ACT_ALLOW",
  ...(args.length === 0 ? {} : { args })
})

/** Each with those whose programs its machines run too. */
const architectures: Readonly<Record<string, ReadonlyArray<string>>> = {
  amd64: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
  arm64: ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
  riscv64: ["SCMP_ARCH_RISCV64"]
}

/** For a container with these capabilities; `undefined` for machines whose system calls nobody looked at. */
export const profile = (architecture: string, capabilities: ReadonlyArray<string>): Seccomp | undefined => {
  const known = architectures[architecture]
  if (known === undefined) return undefined
  const isAdmin = capabilities.includes("CAP_SYS_ADMIN")
  const more = new Set(capabilities.flatMap((name) => byCapability[name] ?? []))
  return {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: EPERM,
    architectures: known,
    syscalls: [
      allow([...always, ...more]),
      allow(["socket"], { index: 0, value: vsock, op: "SCMP_CMP_NE" }),
      ...personalities.map((value) => allow(["personality"], { index: 0, value, op: "SCMP_CMP_EQ" })),
      ...isAdmin ? [] : [
        allow(["clone"], { index: 0, value: newNamespaces, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }),
        // Its flags are in memory, where no filter sees them; programs then take clone.
        { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: ENOSYS } as const
      ]
    ]
  }
}
