# Debian packages by purpose, and how to get them. Sourced by ./buildrunner and ./test.

# What running a pipeline needs: the OCI runtime, the packet filter for a workflow's network, and git for repositories.
run_packages=(runc nftables git)
# What building BuildRunner's native helper needs: a linker and libc's static library.
build_packages=(gcc libc6-dev)
# What the tests need beyond that: real registries, witnesses that are not ours, a static shell for images.
test_packages=(docker-registry postgresql rabbitmq-server skopeo umoci busybox-static openssh-server docker.io git-lfs iptables libcap2-bin iproute2 zstd strace podman containernetworking-plugins)
# What an ordinary user's own engine needs: ids, a way out, and Docker's helper.
test_packages+=(uidmap slirp4netns rootlesskit)
# The file system of a workflow's own disk: mkfs.ext4.
test_packages+=(e2fsprogs)
# The shells that commands are completed in, and a checker of manual pages.
test_packages+=(zsh fish mandoc)
# What the compose file and the units of deploy/ are tried with.
test_packages+=(docker-compose systemd)
# What a webhook is signed and sent with by hand.
test_packages+=(curl openssl)
# The browser that pages are looked at with.
test_packages+=(chromium)
# Only where no npm is there yet: a host's own may come from elsewhere.
command -v npm >/dev/null || test_packages+=(npm)

# need PACKAGE... : installs what is missing, saying so; fails with the command to type where it cannot.
need() {
  local missing=() package
  for package in "$@"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  if ! command -v apt-get >/dev/null; then
    echo "buildrunner: this host lacks ${missing[*]} and has no apt-get; install them with its package manager" >&2
    return 1
  fi
  local sudo=()
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
      echo "buildrunner: this host lacks ${missing[*]}; as root: apt-get install ${missing[*]}" >&2
      return 1
    fi
    sudo=(sudo)
  fi
  echo "buildrunner: installing ${missing[*]} (apt-get)" >&2
  local log
  log=$(mktemp)
  if ! { "${sudo[@]}" apt-get update -qq && "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    echo "buildrunner: could not install ${missing[*]}" >&2
    return 1
  fi
  rm -f "$log"
}

# publish ROOT TARGET : builds the release into TARGET, replacing it only when everything is there.
publish() {
  local root=$1 target=$2 fresh="$2.new" log
  export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
  log=$(mktemp)
  rm -rf "$fresh"
  if ! { dotnet publish "$root/src/BuildRunner.Sandbox" -c Release -o "$fresh" -v q &&
    dotnet publish "$root/src/BuildRunner" -c Release -o "$fresh" -v q; } >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    return 1
  fi
  rm -f "$log" "$fresh"/*.dbg
  rm -rf "$target"
  mv "$fresh" "$target"
}

# npm_packages ROOT : installs what tests/npm/package-lock.json names into artifacts/npm, once for each lock file.
npm_packages() {
  local source=$1/tests/npm target=$1/artifacts/npm fresh=$1/artifacts/npm.new log
  cmp -s "$source/package-lock.json" "$target/package-lock.json" && return 0
  rm -rf "$fresh"
  mkdir -p "$fresh"
  cp "$source/package.json" "$source/package-lock.json" "$source/.npmrc" "$fresh/"
  log=$(mktemp)
  if ! (cd "$fresh" && npm ci --ignore-scripts) >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
  # The other descriptions of the same API are half a gigabyte that nothing reads.
  find "$fresh/node_modules/@octokit/openapi/generated" -type f ! -name api.github.com.json -delete
  rm -rf "$target"
  mv "$fresh" "$target"
}
