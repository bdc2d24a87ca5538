// Package drive is what the command line and the manager share to work on one add-on of one cluster: the clients, the observer, the
// engine and the loop over them; taking the cluster over, so that there is one actor on it; and the way back of a move that failed. It
// refuses to know who wants what, and says nothing to anybody: the command line has texts and exit codes, the manager has statuses. Start
// with Seat.
package drive
