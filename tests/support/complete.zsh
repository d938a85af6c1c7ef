# Prints what zsh would offer for a line: zsh -f complete.zsh FOLDER_WITH__huskies 'huskies list --st'
# A real interactive zsh on a terminal of its own completes the line; its compadd says what it was given.
zmodload zsh/zpty || exit 2
zpty inner zsh -f -i
zpty -w inner "fpath=(${(q)1} \$fpath)"
zpty -w inner 'PROMPT=; autoload -Uz compinit; compinit -D -u
compadd () {
    if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then builtin compadd "$@"; return; fi
    local -a offered
    builtin compadd -A offered "$@"
    for word in $offered; do print -r -- "offered:$word"; done
    builtin compadd "$@"
}
begin () { print begin-of-offer }
finish () { print end-of-offer; exit }
compprefuncs=(begin) comppostfuncs=(finish)
bindkey "^I" complete-word
print ready-to-complete | tr a-z A-Z'
while zpty -r inner line; do [[ $line == *READY-TO-COMPLETE* ]] && break; done
zpty -n -w inner "$2"$'\t'
begun=
while zpty -r inner line; do
    [[ $line == *begin-of-offer* ]] && begun=1
    [[ -n $begun && $line == *offered:* ]] && print -r -- "${${line##*offered:}%%$'\r'*}"
    [[ -n $begun && $line == *end-of-offer* ]] && break
done
