namespace BuildRunner.Agent.Checkout;

/// <summary>What runs in the container that brings a source into the workspace. It is connected to nothing and knows no credential; all it reads is its environment
/// and copies that it cannot change.</summary>
internal static class CloneScript
{
    /// <summary>The script's name in the container.</summary>
    public const string Name = "clone";

    /// <summary>The name of git's settings in the container.</summary>
    public const string ConfigurationName = "gitconfig";

    /// <summary>Where the copies are in the container, by number; the source's own is 0.</summary>
    public const string Mirrors = "/.buildrunner-sources";

    /// <summary>For <c>/bin/sh</c>.</summary>
    /// <remarks>A repository says in its own words where its submodules are: an address counts only if it is, letter for letter, that of a copy.
    /// What git checks out need not be what the agent has read (attributes convert it), and <c>file:</c> is open here, so it is this check that keeps other repositories out.</remarks>
    public const string Text = """
        set -eu
        submodules() {
            git submodule --quiet init
            if [ "$1" = top ]; then
                i=0
                while [ "$i" -lt "$BR_OVERRIDES" ]; do
                    eval "name=\$BR_OVERRIDE_NAME_$i url=\$BR_OVERRIDE_URL_$i"
                    if git config --get "submodule.$name.url" >/dev/null; then git config "submodule.$name.url" "$url"; fi
                    i=$((i + 1))
                done
            fi

            git config --name-only --get-regexp '^submodule\..*\.url$' | while IFS= read -r key; do
                url=$(git config --get "$key")
                known=
                i=0
                while [ "$i" -lt "$BR_SOURCES" ]; do
                    eval "source=\$BR_SOURCE_$i"
                    if [ "$url" = "$source" ]; then known=1; fi
                    i=$((i + 1))
                done
                if [ -z "$known" ]; then
                    echo "$key: '$url' is not an address that this agent has fetched from; write it in .gitmodules as https://HOST/PATH, without .. in its middle" >&2
                    exit 1
                fi

                case "$url" in
                    /*) git config "$key" "file://$url" ;;
                esac
            done
            git submodule --quiet update
            git submodule --quiet foreach "exec /bin/sh $BR_SELF submodules"
        }

        if [ "${1:-}" = submodules ]; then
            submodules below
            exit
        fi

        if [ -e .git ]; then
            # An earlier attempt was here. Nothing of it is trusted.
            find . -mindepth 1 -maxdepth 1 -exec rm -rf -- {} +
        fi

        git init --quiet --initial-branch="${BR_BRANCH:-main}" .
        git remote add origin "$BR_URL"
        set -- "+$BR_COMMIT:refs/remotes/origin/${BR_BRANCH:-HEAD}"
        if [ -n "$BR_TAG" ]; then
            set -- "+$BR_TAG:$BR_TAG"
        fi

        if [ "$BR_TAGS" = true ]; then
            set -- "$@" '+refs/tags/*:refs/tags/*'
        fi

        git fetch --quiet --no-tags ${BR_DEPTH:+"--depth=$BR_DEPTH"} ${BR_FILTER:+"--filter=$BR_FILTER"} origin "$@"
        if [ -n "$BR_BRANCH" ]; then
            git reset --quiet --hard "$BR_COMMIT" --
        else
            git checkout --quiet --detach "$BR_COMMIT" --
        fi

        if [ "$BR_SUBMODULES" = true ]; then
            submodules top
        fi

        if [ "$BR_LFS" = true ]; then
            git lfs install --local --skip-repo --force >/dev/null
            git lfs ls-files --long | cut -d ' ' -f 1 | while read -r id; do
                from="$BR_LFS_SOURCE/objects/$(printf %s "$id" | cut -c 1-2)/$(printf %s "$id" | cut -c 3-4)"
                to=".git/lfs/objects/$(printf %s "$id" | cut -c 1-2)/$(printf %s "$id" | cut -c 3-4)"
                mkdir -p "$to"
                cp "$from/$id" "$to/$id"
            done
            git lfs checkout
        fi

        git --no-pager log -1 --format='%h %s' | cut -c 1-200

        """;
}
