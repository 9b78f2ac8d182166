package deploy

import (
	"io/fs"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// manifests are what kubectl apply -k sends, by kind and name.
type manifests map[string]any

// rendered lets kustomize put a folder together, and refuses what Kubernetes' API doesn't know.
func rendered(t *testing.T, folder string) manifests {
	t.Helper()
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), filepath.Join(root, "deploy", "kubernetes", folder))
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]any{
		"v1 Namespace": &corev1.Namespace{}, "v1 ServiceAccount": &corev1.ServiceAccount{}, "v1 ConfigMap": &corev1.ConfigMap{},
		"v1 Secret": &corev1.Secret{}, "v1 Service": &corev1.Service{}, "apps/v1 Deployment": &appsv1.Deployment{}, "batch/v1 Job": &batchv1.Job{},
		"policy/v1 PodDisruptionBudget": &policyv1.PodDisruptionBudget{}, "networking.k8s.io/v1 NetworkPolicy": &networkingv1.NetworkPolicy{},
	}
	all := manifests{}
	for _, r := range resources.Resources() {
		content, err := r.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		kind, ok := kinds[path.Join(r.GetGvk().Group, r.GetGvk().Version)+" "+r.GetKind()]
		if !ok {
			t.Fatalf("%s is of a kind that this test doesn't know: %s", r.GetName(), r.GetGvk())
		}
		object := reflect.New(reflect.TypeOf(kind).Elem()).Interface()
		if err := yaml.UnmarshalStrict(content, object); err != nil {
			t.Errorf("%s %s: %v", r.GetKind(), r.GetName(), err)
		}
		if r.GetKind() != "Namespace" && r.GetNamespace() != "spacekeeper" {
			t.Errorf("%s %s is in the namespace %q", r.GetKind(), r.GetName(), r.GetNamespace())
		}
		all[r.GetKind()+" "+r.GetName()] = object
	}
	return all
}

// of returns a manifest that must be there.
func of[T any](t *testing.T, m manifests, name string) *T {
	t.Helper()
	object, ok := m[name].(*T)
	if !ok {
		t.Fatalf("there is no %s", name)
	}
	return object
}

func TestKubernetes(t *testing.T) {
	t.Parallel()
	all, migrate, simulated := rendered(t, "worker"), rendered(t, "migrate"), rendered(t, "simulator")
	worker := of[appsv1.Deployment](t, all, "Deployment spacekeeper")
	job := of[batchv1.Job](t, migrate, "Job spacekeeper-migrate")
	if *worker.Spec.Replicas < 2 {
		t.Errorf("replicas = %d", *worker.Spec.Replicas)
	}
	pods := map[string]corev1.PodTemplateSpec{
		"worker": worker.Spec.Template, "migrate": job.Spec.Template,
		"simulated": of[appsv1.Deployment](t, simulated, "Deployment spacekeeper").Spec.Template,
		"postgres":  of[appsv1.Deployment](t, simulated, "Deployment postgres").Spec.Template,
	}
	for name, pod := range pods {
		checkPod(t, name, pod)
	}
	checkWorker(t, all, worker)
	checkWorker(t, simulated, of[appsv1.Deployment](t, simulated, "Deployment spacekeeper"))
	allowed := of[networkingv1.NetworkPolicy](t, all, "NetworkPolicy spacekeeper").Spec
	budget := of[policyv1.PodDisruptionBudget](t, all, "PodDisruptionBudget spacekeeper").Spec
	for name, selector := range map[string]*metav1.LabelSelector{"worker": &allowed.PodSelector, "migrate": &allowed.PodSelector, "worker ": budget.Selector} {
		s, err := metav1.LabelSelectorAsSelector(selector)
		if err != nil || !s.Matches(labels.Set(pods[strings.TrimSpace(name)].Labels)) {
			t.Errorf("%s isn't selected by %v (%v)", name, selector, err)
		}
	}
	var out []string
	for _, rule := range allowed.Egress {
		for _, p := range rule.Ports {
			out = append(out, string(*p.Protocol)+p.Port.String())
		}
	}
	for _, want := range []string{"UDP53", "TCP53", "TCP443", "TCP5432", "TCP988", "TCP80"} {
		if !slices.Contains(out, want) {
			t.Errorf("the worker may not reach %s: %q", want, out)
		}
	}
	if got := allowed.Ingress[0].Ports[0].Port.String(); got != worker.Spec.Template.Spec.Containers[0].Ports[0].Name {
		t.Errorf("who comes in may reach the port %q", got)
	}
}

// checkPod sees that a pod may do little, and that what it names is there.
func checkPod(t *testing.T, name string, pod corev1.PodTemplateSpec) {
	t.Helper()
	if s := pod.Spec.SecurityContext; !*s.RunAsNonRoot || *s.RunAsUser == 0 || s.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault || *pod.Spec.AutomountServiceAccountToken {
		t.Errorf("%s may do too much: %+v", name, s)
	}
	settings := string(read(t, "docs", "configuration.md"))
	images := releaser(t).Kos[0].Repositories[0]
	for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		s := c.SecurityContext
		if *s.AllowPrivilegeEscalation || !*s.ReadOnlyRootFilesystem || len(s.Capabilities.Drop) != 1 || s.Capabilities.Drop[0] != "ALL" {
			t.Errorf("%s, %s may do too much: %+v", name, c.Name, s)
		}
		if name != "postgres" && !regexp.MustCompile("^"+images+"/(subscriber|subscribe-setup):.").MatchString(c.Image) {
			t.Errorf("%s, %s: no release makes the image %s", name, c.Name, c.Image)
		}
		for _, e := range c.Env {
			if strings.HasPrefix(e.Name, "SPACEKEEPER_") && !strings.Contains(settings, "`"+e.Name+"`") {
				t.Errorf("%s, %s: there is no setting %s", name, c.Name, e.Name)
			}
		}
		for _, m := range c.VolumeMounts {
			if m.SubPath != "" {
				t.Errorf("%s, %s: %s is mounted by subPath, and never changes", name, c.Name, m.MountPath)
			}
			if !slices.ContainsFunc(pod.Spec.Volumes, func(v corev1.Volume) bool { return v.Name == m.Name }) {
				t.Errorf("%s, %s: there is no volume %s", name, c.Name, m.Name)
			}
		}
	}
}

// checkWorker compares the worker's pod with its configuration and with the program.
func checkWorker(t *testing.T, all manifests, worker *appsv1.Deployment) {
	t.Helper()
	pod, c := worker.Spec.Template, worker.Spec.Template.Spec.Containers[0]
	mounts, ports := map[string]string{}, map[string]int32{}
	for _, m := range c.VolumeMounts {
		mounts[m.Name] = m.MountPath
	}
	for _, p := range c.Ports {
		ports[p.Name] = p.ContainerPort
	}
	data := of[corev1.ConfigMap](t, all, "ConfigMap spacekeeper").Data
	var cfg struct {
		Health   struct{ Addr string }
		Reactors struct{ File string }
		Database struct {
			DSNFile string `json:"dsn_file"`
		}
	}
	if err := yaml.Unmarshal([]byte(data["spacekeeper.yaml"]), &cfg); err != nil {
		t.Fatal(err)
	}
	if want := path.Join(mounts["config"], "spacekeeper.yaml"); !slices.Contains(c.Args, want) {
		t.Errorf("the worker reads %q, not %s", c.Args, want)
	}
	if dir, file := path.Split(cfg.Reactors.File); path.Clean(dir) != mounts["config"] || data[file] == "" {
		t.Errorf("nobody mounts %s", cfg.Reactors.File)
	}
	if path.Dir(cfg.Database.DSNFile) != mounts["secrets"] || mounts["secrets"] != "/run/secrets" {
		t.Errorf("nobody mounts %s", cfg.Database.DSNFile)
	}
	if cfg.Health.Addr != "0.0.0.0:"+strconv.Itoa(int(ports["health"])) {
		t.Errorf("health.addr is %s, the port %v", cfg.Health.Addr, ports)
	}
	// Prometheus finds the pods as the README has it, and no other way.
	scraped := string(read(t, "deploy", "kubernetes", "README.md"))
	for name := range pod.Annotations {
		if meta := "__meta_kubernetes_pod_annotation_" + regexp.MustCompile(`\W`).ReplaceAllString(name, "_"); !strings.Contains(scraped, meta) {
			t.Errorf("nobody reads the annotation %s of the pods", name)
		}
	}
	answers := string(read(t, "internal", "worker", "health.go"))
	for _, p := range []*corev1.Probe{c.StartupProbe, c.LivenessProbe, c.ReadinessProbe} {
		if !strings.Contains(answers, `"`+p.HTTPGet.Path+`"`) || ports[p.HTTPGet.Port.String()] == 0 {
			t.Errorf("a probe asks %s at %s", p.HTTPGet.Path, p.HTTPGet.Port.String())
		}
	}
	grace := regexp.MustCompile("`shutdown_grace` .*\\| `(\\w+)` \\|").FindStringSubmatch(string(read(t, "docs", "configuration.md")))
	if d, err := time.ParseDuration(grace[1]); err != nil || *pod.Spec.TerminationGracePeriodSeconds < int64(d.Seconds())+10 {
		t.Errorf("a stopping worker gets %d s, and takes %s (%v)", *pod.Spec.TerminationGracePeriodSeconds, grace[1], err)
	}
}

// A manifest that no kustomization names is never applied.
func TestEveryManifestIsNamed(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(root, "deploy", "kubernetes")
	err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(file) != ".yaml" || d.Name() == "kustomization.yaml" {
			return err
		}
		rel, err := filepath.Rel(root, filepath.Dir(file))
		if err != nil {
			return err
		}
		if !strings.Contains(string(read(t, rel, "kustomization.yaml")), d.Name()) {
			t.Errorf("no kustomization names %s", file)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
