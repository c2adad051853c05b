# Login shells begin with a PATH of their own (/etc/profile); some logins do not read /etc/environment.
case ":$PATH:" in
  *:/opt/bin:*) ;;
  *) PATH="$PATH:/usr/sbin:/sbin:/opt/bin" ;;
esac
export PATH
export ETCDCTL_API="${ETCDCTL_API:-2}"
if [ -z "${SSH_AUTH_SOCK:-}" ] && [ -S /run/ssh-agent-core/agent.sock ]; then
  export SSH_AUTH_SOCK=/run/ssh-agent-core/agent.sock
fi
