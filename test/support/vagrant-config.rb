# Prints as JSON what Vagrant makes of folders' Vagrantfiles for VirtualBox, which need not be installed:
#   ruby vagrant-config.rb FOLDER…
# gives { "FOLDER" => { "core-01" => { … } } }, or a text in the machines' place where the Vagrantfile raises.
# `errors` also holds the complaints of the provider's own settings, which `vagrant validate --ignore-provider` skips.
require 'json'
begin
  gem 'vagrant'
rescue Gem::LoadError
  nil # Debian's package is no gem; its library is found all the same.
end
require 'vagrant'

# As much of a machine as the provider's validation looks at.
Subject = Struct.new(:env, :name, :config, :provider_name, :provider_config)

def summary(environment, name)
  loaded = environment.vagrantfile.machine_config(name, :virtualbox, environment.boxes, nil, false)
  config = loaded[:config]
  provider = config.vm.get_provider_config(:virtualbox)
  complaints = provider.validate(Subject.new(environment, name, config, :virtualbox, provider)).values.flatten
  {
    errors: loaded[:config_errors].flatten + complaints,
    hostname: config.vm.hostname,
    box: [config.vm.box, config.vm.box_url, config.vm.box_version].flatten,
    networks: networks(config),
    sources: config.vm.provisioners.filter_map { |one| one.config.source if one.type == :file },
    provisions: config.vm.provisioners.map { |one| [one.name, one.run].compact.join(' ') },
    guest: config.vm.guest,
    folders: folders(config),
    ssh: { user: config.ssh.username, insert_key: config.ssh.insert_key, keys: config.ssh.private_key_path },
    modifyvm: modifications(provider)
  }
end

def folders(config)
  config.vm.synced_folders.reject { |_, folder| folder[:disabled] }.transform_values do |folder|
    folder.slice(:hostpath, :type, :nfs_version, :nfs_udp)
  end
end

def networks(config)
  config.vm.networks.filter_map do |kind, options|
    next if options[:id] == 'ssh'

    wanted = options.slice(:ip, :netmask, :guest, :host, :host_ip, :auto_correct)
    wanted.merge(kind: kind)
  end
end

# { "--memory" => "1024" }
def modifications(provider)
  provider.customizations.to_h { |_, (_, _, flag, *values)| [flag, values.join(' ')] }
end

def machines(folder)
  environment = Vagrant::Environment.new(cwd: folder, ui_class: Vagrant::UI::Silent)
  environment.vagrantfile.machine_names.to_h { |name| [name, summary(environment, name)] }
rescue Vagrant::Errors::VagrantError => e
  e.message
end

folders = ARGV.map { |folder| File.expand_path(folder) }
ARGV.clear
puts JSON.generate(folders.to_h { |folder| [folder, machines(folder)] })
