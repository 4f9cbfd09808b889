# SPDX-License-Identifier: Apache-2.0
# completion.bash - sourced by the tests of completion/weir: what bash would offer behind a line.
#
#	offers LINE	the words, sorted, on one line, in $OFFERED; anything on stderr is an error of its own, there
# shellcheck source=/dev/null
source "$SRCDIR/completion/weir"

offers() {
	local line=$1 word
	COMP_LINE=$line COMP_POINT=${#line} COMP_WORDS=()
	# As bash cuts it, at blanks, = and : (the latter two are words).
	while [[ $line ]]; do
		[[ $line =~ ^(\ +|[=:]+|[^ =:]+) ]]
		word=${BASH_REMATCH[1]}
		line=${line#"$word"}
		[[ $word == ' '* ]] || COMP_WORDS+=("$word")
	done
	[[ $word != [\ =:]* ]] || COMP_WORDS+=("")
	COMP_WORDS[0]=$WEIR
	COMP_LINE=$WEIR${COMP_LINE#weir} COMP_POINT=${#COMP_LINE}
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	COMPREPLY=()
	_weir 2>"$COMPLETION_ERR"
	OFFERED=$(printf '%s\n' "${COMPREPLY[@]}" | sort -u | tr '\n' ' ')$(cat "$COMPLETION_ERR")
	OFFERED=${OFFERED% }
}
