namespace BuildRunner.Cli.Tests.Scenarios;

/// <summary>«Workflow syntax» and «Volumes»: what an administrator must allow, and the network of a step.</summary>
internal static class RightsScenarios
{
    public static IEnumerable<Scenario> All =>
    [
        new("A privileged step is refused unless it is allowed", "steps: {build: {image: docker, privileged: true, commands: echo}}\n", "build=error") { Real = true, Result = "error" },
        new("A privileged service is refused unless it is allowed", """
            steps: {build: {image: docker, commands: echo}}
            services: {docker: {image: 'docker:dind', privileged: true, commands: dockerd-entrypoint.sh --tls=false}}
            """, "build=skipped docker=skipped") { Result = "error" },
        new("A volume is refused unless it is allowed", "steps: {build: {image: docker, volumes: ['/var/run/docker.sock:/var/run/docker.sock'], commands: echo}}\n", "build=error") { Real = true, Result = "error" },
        new("A named volume is an error of the step", "steps: {build: {image: docker, volumes: ['cache:/cache'], commands: echo}}\n", "build=error") { Result = "error" },
        new("A volume with a relative path is refused in the file", "steps: {build: {image: docker, volumes: ['./certs:/etc/ssl/certs'], commands: echo}}\n", "") { Refused = "BR1032" },

        new("A device is refused unless it is allowed", "steps: {build: {image: docker, devices: /dev/fuse, commands: echo}}\n", "build=error") { Real = true, Result = "error" },
        new("A device without a path is refused in the file", "steps: {build: {image: docker, devices: 'nvidia.com/gpu=all', commands: echo}}\n", "") { Refused = "BR1032" },

        new("Name servers, search domains and further names reach the container", """
            steps: {build: {image: plugin/abc, dns: 1.2.3.4, dns_search: internal.company, extra_hosts: ['registry:10.0.0.2'], commands: [grep registry /etc/hosts, cat /etc/resolv.conf]}}
            """, "build=success")
        {
            Real = true,
            Checks =
            [
                new(run => Assert.Equal(("1.2.3.4", "internal.company", "registry:10.0.0.2"), (run.Engine!["build"].Spec.Dns.Single(), run.Engine["build"].Spec.DnsSearch.Single(), run.Engine["build"].Spec.ExtraHosts.Single()))),
                Must.Print("build", "nameserver 1.2.3.4"), Must.Print("build", "search internal.company"),
            ],
        },

        new("Keys of Docker that nothing needs are remarked", "steps: {a: {image: x, tmpfs: [/tmp], network_mode: host, commands: echo}}\n", "a=success") { Warns = "BR1102" },
    ];
}
