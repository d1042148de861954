// Shows a GLB in 3D: turn, zoom, wires, colours. It draws only when something has changed, so that
// a machine without a graphics card keeps up and a phone stays cool.

import * as THREE from 'three';
import { OrbitControls } from 'three/addons/controls/OrbitControls.js';
import { DRACOLoader } from 'three/addons/loaders/DRACOLoader.js';
import { GLTFLoader } from 'three/addons/loaders/GLTFLoader.js';

const DECODER = '/static/three/examples/jsm/libs/draco/gltf/';
const STEP = Math.PI / 24;
const ZOOM = 1.15;
const FIRST_VIEW = new THREE.Vector3(-0.55, 0.62, 1).normalize(); // from the south-west, from above
const LIGHT = new THREE.Vector3(-1, 1.15, -0.7); // from the north-west, as on maps
const MARGIN = 1.06;

/** Colours of heights, the lowest first: water, meadow, slope, rock, snow. */
const HEIGHTS = ['#3f7f8c', '#6f9e62', '#b9b878', '#a98763', '#8d7a70', '#f4f2ef'].map((c) => new THREE.Color(c));
const IN_SHADE = '#a8a8a8';

export class Viewer {
  /** `box` holds the canvas; `onChange` is called after every drawing. Throws without WebGL. */
  constructor(box, { onChange = () => {} } = {}) {
    this.onChange = onChange;
    this.renderer = new THREE.WebGLRenderer({ antialias: true, alpha: true });
    this.renderer.setPixelRatio(Math.min(devicePixelRatio, 2));
    this.canvas = this.renderer.domElement;
    this.canvas.tabIndex = 0;
    this.scene = new THREE.Scene();
    this.camera = new THREE.PerspectiveCamera(35, 1, 0.1, 1000);
    this.light = new THREE.DirectionalLight('#fff6e8', 2.3);
    this.scene.add(new THREE.HemisphereLight('#eaf2ff', '#6b5d4c', 1.15), this.light, this.light.target);
    this.controls = new OrbitControls(this.camera, this.canvas);
    this.turned = false; // whether the reader has chosen a view
    this.controls.addEventListener('start', () => { this.turned = true; });
    this.controls.addEventListener('change', () => this.draw());
    this.draco = new DRACOLoader().setDecoderPath(DECODER).setWorkerLimit(2);
    this.loader = new GLTFLoader().setDRACOLoader(this.draco);
    this.model = null;
    this.look = { colour: 'plain', wires: false, lift: 1, flat: false };
    this.frame = 0;
    this.canvas.addEventListener('keydown', (event) => this.press(event));
    this.canvas.addEventListener('webglcontextrestored', () => this.draw()); // or it stays blank
    box.append(this.canvas);
    this.sizes = new ResizeObserver(() => this.fit(box));
    this.sizes.observe(box);
  }

  /** Load a file and show it; the view stays where another level of the same mesh was shown. */
  async load(address, { onProgress = () => {}, keepView = false } = {}) {
    const gltf = await this.loader.loadAsync(address, (event) => onProgress(event.total ? event.loaded / event.total : null));
    this.clear();
    this.model = gltf.scene;
    this.prepare();
    this.scene.add(this.model);
    this.applyLook();
    if (!keepView) this.reset();
    this.draw();
    return this.facts();
  }

  /** What the file has: triangles, whether there is a picture on it, and how steep it is. */
  facts() {
    const size = new THREE.Box3().setFromObject(this.model).getSize(new THREE.Vector3());
    const steepness = size.y / this.look.lift / Math.max(size.x, size.z, 1e-9);
    let triangles = 0;
    let picture = false;
    this.meshes((mesh) => {
      const { index, attributes } = mesh.geometry;
      triangles += (index ? index.count : attributes.position.count) / 3;
      picture ||= Boolean(mesh.userData.picture);
    });
    return { triangles, picture, steepness };
  }

  /** Keep what each mesh came with, and colour its vertices by their heights. */
  prepare() {
    this.model.updateMatrixWorld(true);
    const all = new THREE.Box3().setFromObject(this.model);
    this.meshes((mesh) => {
      mesh.userData.picture = mesh.material.map ?? null;
      mesh.userData.isTrack = mesh.name.startsWith('track');
      mesh.userData.own = mesh.material.color?.clone() ?? new THREE.Color('#b8bfc7');
      if (!mesh.geometry.attributes.normal) mesh.geometry.computeVertexNormals();
      mesh.geometry.setAttribute('color', colours(mesh, all));
      mesh.material = new THREE.MeshStandardMaterial({ roughness: 0.92, metalness: 0, side: THREE.DoubleSide });
    });
  }

  meshes(action) {
    this.model?.traverse((object) => { if (object.isMesh) action(object); });
  }

  setLook(changes) {
    Object.assign(this.look, changes);
    this.applyLook();
    if (this.turned) this.draw();
    else this.reset();
  }

  applyLook() {
    const { colour, wires, lift, flat } = this.look;
    this.meshes(({ material, userData }) => {
      const picture = colour === 'picture' ? userData.picture : null;
      const byHeight = colour === 'heights' && !userData.isTrack;
      material.map = picture;
      material.vertexColors = byHeight;
      material.color.set(picture ? IN_SHADE : byHeight ? '#ffffff' : userData.own);
      material.emissive.set(picture ? IN_SHADE : '#000000'); // a shaded relief would be shaded twice
      material.emissiveMap = picture;
      material.wireframe = wires;
      material.flatShading = flat; // a body has edges, which averaged normals would blur
      material.needsUpdate = true;
    });
    if (this.model) this.model.scale.y = lift;
  }

  /** Show the whole mesh from the first side, as large as it fits. */
  reset() {
    if (!this.model) return;
    const bounds = new THREE.Box3().setFromObject(this.model);
    const centre = bounds.getCenter(new THREE.Vector3());
    const radius = Math.max(bounds.getSize(new THREE.Vector3()).length() / 2, 1e-6);
    const distance = this.fittingDistance(bounds, centre);
    this.camera.near = radius / 200;
    this.camera.far = distance + radius * 40;
    this.camera.position.copy(FIRST_VIEW).multiplyScalar(distance).add(centre);
    this.camera.updateProjectionMatrix();
    this.controls.target.copy(centre);
    this.controls.minDistance = radius / 20;
    this.controls.maxDistance = radius * 30;
    this.light.position.copy(LIGHT).multiplyScalar(radius * 3).add(centre);
    this.light.target.position.copy(centre);
    this.controls.update();
    this.turned = false;
    this.draw();
  }

  /** The distance from which all corners of the box are just inside the picture. */
  fittingDistance(bounds, centre) {
    const up = Math.tan(THREE.MathUtils.degToRad(this.camera.fov / 2)) / MARGIN;
    const aside = up * this.camera.aspect;
    const right = new THREE.Vector3(0, 1, 0).cross(FIRST_VIEW).normalize();
    const top = FIRST_VIEW.clone().cross(right);
    let distance = 1e-6;
    for (let k = 0; k < 8; k++) {
      const corner = new THREE.Vector3(k & 1 ? bounds.max.x : bounds.min.x, k & 2 ? bounds.max.y : bounds.min.y, k & 4 ? bounds.max.z : bounds.min.z).sub(centre);
      const reach = Math.max(Math.abs(corner.dot(right)) / aside, Math.abs(corner.dot(top)) / up);
      distance = Math.max(distance, reach + corner.dot(FIRST_VIEW));
    }
    return distance;
  }

  turn(round, up) {
    const { position } = this.camera;
    const { target } = this.controls;
    const at = new THREE.Spherical().setFromVector3(position.clone().sub(target));
    at.theta += round;
    at.phi = THREE.MathUtils.clamp(at.phi + up, 0.02, Math.PI - 0.02);
    position.setFromSpherical(at).add(target);
    this.turned = true;
    this.controls.update();
    this.draw();
  }

  zoom(factor) {
    const { target, minDistance, maxDistance } = this.controls;
    const arm = this.camera.position.clone().sub(target);
    arm.setLength(THREE.MathUtils.clamp(arm.length() / factor, minDistance, maxDistance));
    this.camera.position.copy(target).add(arm);
    this.turned = true;
    this.controls.update();
    this.draw();
  }

  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.model) return;
    const act = {
      ArrowLeft: () => this.turn(-STEP, 0), ArrowRight: () => this.turn(STEP, 0),
      ArrowUp: () => this.turn(0, -STEP), ArrowDown: () => this.turn(0, STEP),
      '+': () => this.zoom(ZOOM), '=': () => this.zoom(ZOOM), '-': () => this.zoom(1 / ZOOM), 0: () => this.reset(), Home: () => this.reset(),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  fit(box) {
    const { clientWidth: width, clientHeight: height } = box;
    if (!width || !height) return;
    this.renderer.setSize(width, height, false);
    this.camera.aspect = width / height;
    this.camera.updateProjectionMatrix();
    if (this.turned) this.draw();
    else this.reset();
  }

  draw() {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.renderer.render(this.scene, this.camera);
      this.onChange();
    });
  }

  /** What is shown now, as the address of a PNG. */
  snapshot() {
    this.renderer.render(this.scene, this.camera); // the buffer is kept until the next frame only
    return this.canvas.toDataURL('image/png');
  }

  clear() {
    this.meshes((mesh) => {
      mesh.geometry.dispose();
      mesh.userData.picture?.dispose();
      mesh.material.dispose();
    });
    if (this.model) this.scene.remove(this.model);
    this.model = null;
  }

  close() {
    cancelAnimationFrame(this.frame);
    this.clear();
    this.sizes.disconnect();
    this.controls.dispose();
    this.draco.dispose();
    this.renderer.dispose();
    this.renderer.forceContextLoss(); // a browser keeps few contexts alive
    this.canvas.remove();
  }
}

function colours(mesh, all) {
  const { position } = mesh.geometry.attributes;
  const low = all.min.y;
  const range = Math.max(all.max.y - low, 1e-9);
  const found = new Float32Array(position.count * 3);
  const point = new THREE.Vector3();
  const colour = new THREE.Color();
  for (let k = 0; k < position.count; k++) {
    point.fromBufferAttribute(position, k).applyMatrix4(mesh.matrixWorld);
    const place = THREE.MathUtils.clamp((point.y - low) / range, 0, 1) * (HEIGHTS.length - 1);
    const below = Math.min(Math.floor(place), HEIGHTS.length - 2);
    colour.lerpColors(HEIGHTS[below], HEIGHTS[below + 1], place - below).toArray(found, k * 3);
  }
  return new THREE.BufferAttribute(found, 3);
}
