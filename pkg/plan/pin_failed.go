package plan

import "fmt"

// pinFailed says in a sentence that nodes did not take the pinned release; empty where that is not so. The cluster is put back then, or stays with
// what it was put back to, and the pin stays as its operator wrote it:
//
//	| the pin            | the way back                      | held, by a pin of       | then                               |
//	|--------------------|-----------------------------------|-------------------------|------------------------------------|
//	| stays              | under way, from it                |                         | what the way back leads to         |
//	| is another version | under way, from the one before    |                         | the pin: the way back is given up  |
//	| stays              | to the pinned release             |                         | the pin: somebody goes back to it  |
//	| stays              | made, or never needed             | the same time           | what was begun last stays          |
//	| is newer           | made, or never needed             | another time            | the pin: an operator said it anew  |
//	| stays              | made, or never needed             | none: retry             | the pin is tried again             |
//	| stays              | made, and something brought it on | the same time           | the pin                            |
//	| is asked for now   | made, or never needed             | any                     | the pin                            |
func (d decision) pinFailed() string {
	pin := d.desired.Version
	text := fmt.Sprintf("%s is pinned to %s, which failed", d.addOn.Name, pin)
	switch back := d.desired.Back; {
	case pin == "":
		return ""
	case d.desired.fromPin():
		return text + because(back.Reason)
	case back.Revision > 0, d.Request.Verb == SetPin, d.begun() == "", same(d.begun(), pin):
		return ""
	}
	for _, h := range d.Held {
		if h.Pinned && same(h.Version, pin) && h.Pin.At.Unix() == d.desired.Pin.At.Unix() {
			return text + because(h.Reason)
		}
	}
	return ""
}

// pinFailed speaks where the cluster does not run its pin, because that failed. It refuses who asks for that release, and not for it to be tried
// again:
//
//	| asked for                            | the way back | then                  |
//	|--------------------------------------|--------------|-----------------------|
//	| install or update, the pinned one    | made         | refused               |
//	| update, no version                   | made         | refused               |
//	| update, the pinned one or no version | under way    | note: it is finished  |
//	| else                                 | any          | note                  |
func pinFailed(d decision) []Finding {
	why := d.pinFailed()
	if why == "" {
		return nil
	}
	r := d.Request
	fix := fmt.Sprintf("when the cause is gone, addonctl retry --version %s lets it be tried again; addonctl pin --version %s --reason … keeps what runs; "+
		"addonctl unpin returns to automatic updates", d.desired.Version, d.goal.Version)
	asks := r.Verb == Update && r.Version == "" && !r.keepsVersion() && !d.isUnderWay() ||
		(r.Verb == Update || r.Verb == Install) && same(r.Version, d.desired.Version) && !d.Desired.finishesBack(r)
	if asks {
		return block(PinFailed, why+"; it is not tried again by itself", fix)
	}
	return note(PinFailed, fmt.Sprintf("%s; the cluster keeps to %s, and the pin stays as it is", why, d.goal.Version), fix)
}
