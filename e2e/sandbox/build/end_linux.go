package main

import "syscall"

// endsWithUs makes the kernel end a go command whose builder is killed, or it would go on compiling for minutes and
// write into a folder that the next build has removed.
func endsWithUs() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
