#!/bin/sh
# Say how to place a first call through the demonstration gateway.
case ${1:-} in
    configs/demo.toml) ;;
    *) exit 0 ;;
esac
cat <<'TEXT'

  Crosspoint, with configs/demo.toml.  Register two softphones (Linphone, baresip, any SIP phone) on this machine:

      domain / proxy   127.0.0.1:5060 (UDP or TCP)
      user, password   alice, wonderland          and          bob, builder

  Then dial from either:   bob or alice   each other, by name
                           +15550100      an echo: you hear yourself
                           +15550101      rings for twenty seconds, then it is busy
                           +15550102      records what you say

  The console:       http://127.0.0.1:8080/console   account AC00000000000000000000000000000000, token demo-token-change-me
  A terminal phone:  linphonec (see README.md), then   register sip:alice@127.0.0.1 sip:127.0.0.1 wonderland   and   call sip:+15550100@127.0.0.1
  No phone at hand:  .venv/bin/crosspoint demo      Ctrl-C ends the gateway once its calls have ended; twice: at once.

TEXT
